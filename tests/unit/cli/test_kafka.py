"""``tvrec topics`` and ``tvrec connect``: what is printed, and how they end."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from mlproject.kafka import connect
from tests.connect_server import FakeConnect, fake_connect, refusal, status
from tests.mock_kafka import MockKafka

Run = Callable[..., Result]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeConnect]:
    monkeypatch.setattr(connect, "_PAUSE_S", 0.01)
    monkeypatch.setattr(connect, "_SETTLED_S", 0.0)
    with fake_connect() as fake:
        yield fake


@pytest.fixture(scope="module")
def servers(kafka: MockKafka) -> str:
    """A mock cluster with three events of ratings and two dead letters."""
    owner = kafka.owner
    for partition in (0, 1, 1):
        owner.produce("ratings", b"x", partition=partition)
    for _ in range(2):
        owner.produce("ratings.dlq", b"x")
    assert owner.flush(10) == 0
    return kafka.servers


@pytest.fixture
def settings(server: FakeConnect, servers: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "SCHEMA_REGISTRY_URL": "http://registry:8080/apis/ccompat/v7",
        "TVREC_CONNECT_URL": server.url,
        "TVREC_BUCKET": "tvrec",
        "AWS_ACCESS_KEY_ID": "ours",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
    }


def test_topics_apply_says_what_it_would_do(run: Run, servers: str) -> None:
    result = run(
        *("topics", "apply", "--dry-run"),
        KAFKA_BOOTSTRAP_SERVERS=servers,
        TVREC_TOPIC_PARTITIONS="7",
    )
    assert result.exit_code == 3
    assert "has 4 partitions and should have 7" in result.stderr


@pytest.mark.parametrize("command", [("topics", "apply"), ("connect", "status")])
def test_kafka_must_be_named(run: Run, server: FakeConnect, command: tuple[str, str]) -> None:
    result = run(*command, TVREC_CONNECT_URL=server.url)
    assert result.exit_code == 3
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in result.stderr


@pytest.mark.parametrize("missing", ["TVREC_CONNECT_URL", "TVREC_BUCKET", "SCHEMA_REGISTRY_URL"])
def test_what_the_connector_needs_must_be_named(
    run: Run, settings: dict[str, str], missing: str
) -> None:
    del settings[missing]
    result = run("connect", "apply", **settings)
    assert result.exit_code == 3
    assert f"{missing} is not set" in result.stderr


def test_connect_apply_creates_changes_and_leaves(
    run: Run, server: FakeConnect, settings: dict[str, str]
) -> None:
    first = run("connect", "apply", **settings)
    assert first.exit_code == 0
    assert first.stdout.startswith("ratings-batches: created\n  aws.access.key.id: (none) -> ${env")
    assert "hunter2" not in first.output
    assert server.config is not None
    assert "hunter2" not in server.config.values()
    assert server.config["errors.deadletterqueue.topic.name"] == "ratings.dlq"
    running = "ratings-batches: connector RUNNING, task 0 RUNNING, task 1 RUNNING\n"
    second = run("connect", "apply", **settings)
    assert second.stdout == f"ratings-batches: unchanged\n{running}"
    third = run("connect", "apply", **settings, TVREC_BATCH_SECONDS="2.5", TVREC_CONNECT_TASKS="3")
    assert third.stdout == (
        "ratings-batches: changed\n  batch.ms: 10000 -> 2500\n  tasks.max: 2 -> 3\n" + running
    )


def test_connect_apply_shows_and_changes_nothing(
    run: Run, server: FakeConnect, settings: dict[str, str]
) -> None:
    result = run("connect", "apply", "--dry-run", **settings)
    assert result.stdout.startswith("ratings-batches: created (dry run)\n")
    assert server.config is None


def test_connect_apply_takes_a_file(
    run: Run, server: FakeConnect, settings: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "sink.json"
    file.write_text('{"connector.class": "io.aiven.X", "aws.secret.access.key": "hunter2"}')
    # A config of one's own needs no settings but the address.
    result = run("connect", "apply", "--file", file, TVREC_CONNECT_URL=server.url)
    assert result.exit_code == 0
    assert server.config is not None
    assert server.config["connector.class"] == "io.aiven.X"
    assert "aws.secret.access.key: (none) -> (hidden)" in result.stdout
    assert "hunter2" not in result.output


def test_connect_apply_ends_with_the_code_of_what_is_wrong(
    run: Run, server: FakeConnect, settings: dict[str, str]
) -> None:
    server.refusals = [refusal(404, "not found"), refusal(400, "no bucket")]
    assert run("connect", "apply", **settings).exit_code == 3
    server.statuses = [status("FAILED", trace="a.B: no bucket")]
    failed = run("connect", "apply", **settings)
    assert failed.exit_code == 5
    assert "Error: ratings-batches: task 0 has failed: B: no bucket." in failed.stderr
    server.refusals = [refusal(409, "rebalance")] * 1000
    assert run("connect", "apply", "--timeout", 0.05, **settings).exit_code == 5


def test_connect_status_shows_the_lag(
    run: Run, server: FakeConnect, settings: dict[str, str]
) -> None:
    server.config = {"name": "ratings-batches"}
    result = run("connect", "status", **settings)
    assert result.exit_code == 0
    assert result.stdout.startswith("ratings-batches: connector RUNNING, task 0 RUNNING")
    assert "2 dead letters in ratings.dlq" in result.stdout
    told = json.loads(run("connect", "status", "--json", **settings).stdout)
    assert told["state"] == "RUNNING"
    assert told["dead_letters"] == 2
    assert told["lag"] == 3
    assert [each["end"] for each in told["partitions"]] == [1, 2, 0, 0]
    assert {each["committed"] for each in told["partitions"]} == {None}


def test_connect_status_ends_with_1_if_a_task_has_failed(
    run: Run, server: FakeConnect, settings: dict[str, str]
) -> None:
    absent = run("connect", "status", **settings)
    assert absent.exit_code == 1
    assert "`tvrec connect apply` creates it" in absent.stderr
    server.config = {"name": "ratings-batches"}
    server.statuses = [status("RUNNING", "FAILED", trace="a.B: no bucket")]
    result = run("connect", "status", "--json", **settings)
    assert result.exit_code == 1
    assert result.stderr == "ratings-batches: task 1 has failed: B: no bucket\n"
    assert json.loads(result.stdout)["tasks"][1]["state"] == "FAILED"
