"""Applying a connector, against a Connect of a few lines over real HTTP."""

import logging
from collections.abc import Callable, Iterator, Mapping

import pytest

from mlproject.core.errors import ConfigError, ConnectorFailedError, UnavailableError
from mlproject.kafka import connect
from mlproject.kafka.connect import ConnectClient, ConnectorState, apply_config
from tests.connect_server import FakeConnect, fake_connect, refusal, status
from tests.logged import messages

NAME = "ratings-batches"
CONFIG = {"name": NAME, "connector.class": "a.B", "tasks.max": "2"}
TRACE = """org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask
\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:636)
\t... 11 more
Caused by: java.lang.RuntimeException: in between
\tat x.Y.z(Y.java:1)
Caused by: a.StoreException: the bucket cannot be used
\tat x.Y.z(Y.java:1)
Caused by: java.net.ConnectException: Connection refused
\tat x.Y.z(Y.java:1)
"""

Apply = Callable[..., ConnectorState | None]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeConnect]:
    monkeypatch.setattr(connect, "_PAUSE_S", 0.01)
    with fake_connect() as fake:
        yield fake


@pytest.fixture
def changes() -> list[Mapping[str, str] | None]:
    return []


@pytest.fixture
def apply(server: FakeConnect, changes: list[Mapping[str, str] | None]) -> Apply:
    def run(config: Mapping[str, str] = CONFIG, **given: object) -> ConnectorState | None:
        options = {"timeout_s": 5, "settled_s": 0, "on_change": changes.append, **given}
        return apply_config(ConnectClient(server.url), config, **options)  # type: ignore[arg-type]

    return run


def test_a_connector_is_created_and_a_second_time_nothing_is_done(
    server: FakeConnect, apply: Apply, changes: list[object]
) -> None:
    state = apply()
    assert state is not None
    assert state.running
    assert (server.config, changes) == (CONFIG, [None])
    server.requests.clear()
    apply()
    assert changes == [None]
    assert {request.split()[0] for request in server.requests} == {"GET"}


def test_a_config_that_differs_is_replaced(
    server: FakeConnect, apply: Apply, changes: list[object]
) -> None:
    server.config = {**CONFIG, "gone": "1"}
    apply()
    assert server.config == CONFIG
    assert changes == [{**CONFIG, "gone": "1"}]


def test_a_dry_run_changes_nothing(
    server: FakeConnect, apply: Apply, changes: list[object]
) -> None:
    assert apply(dry_run=True) is None
    assert changes == [None]
    assert server.requests == [f"GET /connectors/{NAME}/config"]


def test_it_waits_for_every_task(server: FakeConnect, apply: Apply) -> None:
    server.statuses = [
        status(connector="UNASSIGNED"),
        status(),
        status("RUNNING", "UNASSIGNED"),
        status("RUNNING", "RUNNING"),
    ]
    apply()
    assert len(server.statuses) == 1


def test_what_connect_tells_right_after_a_change_is_not_believed(
    server: FakeConnect, apply: Apply
) -> None:
    server.config = {}
    server.statuses = [status("FAILED", trace="a.B: old"), status("RUNNING")]
    state = apply(settled_s=0.05)
    assert state is not None
    assert state.running
    server.config = {}
    server.statuses = [status("RUNNING"), status("FAILED", trace="a.B: new")]
    with pytest.raises(ConnectorFailedError, match="B: new"):
        apply(settled_s=0.05)


def test_a_failed_task_is_told_by_what_its_trace_says(server: FakeConnect, apply: Apply) -> None:
    server.statuses = [status("RUNNING", "FAILED", trace=TRACE)]
    with pytest.raises(ConnectorFailedError) as raised:
        apply()
    assert str(raised.value) == (
        "ratings-batches: task 1 has failed: ConnectException: Exiting WorkerSinkTask; caused by "
        "StoreException: the bucket cannot be used; caused by ConnectException: Connection "
        "refused. Mend it and apply again, which restarts what has failed"
    )


def test_what_has_failed_under_the_same_config_is_restarted(
    server: FakeConnect, apply: Apply
) -> None:
    server.config = CONFIG
    server.statuses = [status("FAILED", trace=TRACE), status("RUNNING")]
    apply()
    restart = f"POST /connectors/{NAME}/restart?includeTasks=true&onlyFailed=true"
    assert server.requests.count(restart) == 1


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED"])
def test_a_paused_connector_is_not_resumed(server: FakeConnect, apply: Apply, state: str) -> None:
    server.statuses = [status("PAUSED", connector=state)]
    with pytest.raises(ConfigError, match=f"is {state}.*/connectors/ratings-batches/resume"):
        apply()


@pytest.mark.parametrize(
    ("early", "said"),
    [
        (refusal(409, "Cannot complete request momentarily due to ... rebalance"), "sharing out"),
        (refusal(500, "Request timed out"), "Request timed out"),
        (refusal(503, "not now"), "not now"),
        ((404, b"<html>Error 404"), "still starting"),
        ((200, b"<html>"), "no Kafka Connect"),
    ],
)
def test_a_connect_that_is_not_ready_is_asked_again(
    server: FakeConnect,
    apply: Apply,
    caplog: pytest.LogCaptureFixture,
    early: tuple[int, bytes],
    said: str,
) -> None:
    server.refusals = [early] * 3
    with caplog.at_level(logging.WARNING):
        apply()
    (line,) = messages(caplog)  # once, not once a try
    assert said in line


def test_a_connect_that_is_never_ready_ends_at_the_timeout(
    server: FakeConnect, apply: Apply
) -> None:
    server.refusals = [refusal(409, "rebalance")] * 100_000
    with pytest.raises(UnavailableError, match="sharing out its tasks anew"):
        apply(timeout_s=0.1)


def test_tasks_that_never_run_end_at_the_timeout(server: FakeConnect, apply: Apply) -> None:
    server.statuses = [status("UNASSIGNED")]
    with pytest.raises(UnavailableError, match="in time: connector RUNNING, task 0 UNASSIGNED"):
        apply(timeout_s=0.1)


def test_what_connect_finds_wrong_is_told_in_its_sentences(
    server: FakeConnect, apply: Apply, changes: list[object]
) -> None:
    message = (
        "Connector configuration is invalid and contains the following 2 error(s):\n"
        'Missing required configuration "s3.bucket" which has no default value.\n'
        "Invalid value -1 for configuration batch.records\n"
        "You can also find the above list of errors at the endpoint `/connector-plugins/...`"
    )
    server.refusals = [refusal(404, "not found"), refusal(400, message)]
    with pytest.raises(ConfigError) as raised:
        apply()
    assert str(raised.value).endswith(
        'finds the config wrong: Missing required configuration "s3.bucket" which has no default '
        "value.; Invalid value -1 for configuration batch.records"
    )
    assert changes == [], "nothing was changed"


def test_a_class_that_is_not_there_is_a_wrong_config(server: FakeConnect, apply: Apply) -> None:
    message = "Failed to find any class that implements Connector and which name matches a.B, "
    server.refusals = [
        refusal(404, "not found"),
        refusal(500, message + "available connectors are: PluginDesc{...}"),
    ]
    with pytest.raises(ConfigError, match=r"matches a\.B$"):
        apply()


@pytest.mark.parametrize("code", [401, 403])
def test_no_permission_is_a_wrong_setting(server: FakeConnect, apply: Apply, code: int) -> None:
    server.refusals = [(code, b"")]
    with pytest.raises(ConfigError, match="TVREC_CONNECT_URL"):
        apply()


def test_a_password_in_the_address_is_sent_and_never_shown(server: FakeConnect) -> None:
    client = ConnectClient(server.url.replace("//", "//me:p%40ss@"))
    assert client.config(NAME) is None
    assert server.authorization == {"Basic bWU6cEBzcw=="}
    server.refusals = [refusal(500, "trouble")]
    with pytest.raises(UnavailableError) as raised:
        client.config(NAME)
    assert "p%40ss" not in str(raised.value) + repr(client)


@pytest.mark.parametrize("url", ["connect:8083", "ftp://connect", "http://", "x"])
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="http://connect:8083"):
        ConnectClient(url)


def test_nobody_there_is_one_sentence() -> None:
    with pytest.raises(UnavailableError, match=r"http://127.0.0.1:9 does not answer \(.*refused"):
        ConnectClient("http://127.0.0.1:9").state(NAME)
