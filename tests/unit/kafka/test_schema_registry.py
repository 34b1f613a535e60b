"""Registering a schema, against a registry of a few lines."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from mlproject.core.errors import BatchError, ConfigError, DataError, UnavailableError
from mlproject.events.schema import current_schema, schema_text
from mlproject.kafka.schema_registry import SchemaRegistry, register
from tests.registry_server import NOT_FOUND, FakeRegistry, fake_registry

SUBJECT = "ratings-value"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as fake:
        yield fake


def test_a_schema_is_registered_once_under_backward_compatibility(registry: FakeRegistry) -> None:
    assert register(registry.url, SUBJECT, schema_text()) == 100
    assert register(registry.url, SUBJECT, schema_text()) == 100
    assert registry.schemas == [json.loads(schema_text())]
    assert registry.requests[:2] == [
        ("PUT", f"/config/{SUBJECT}"),
        ("POST", f"/subjects/{SUBJECT}/versions"),
    ]


def test_a_schema_that_cannot_read_the_latest_is_bad_data(registry: FakeRegistry) -> None:
    register(registry.url, SUBJECT, schema_text())
    schema = json.loads(schema_text())
    schema["fields"].append({"name": "device", "type": "string"})
    with pytest.raises(DataError, match=f"rejects the schema of {SUBJECT}: The field device"):
        register(registry.url, SUBJECT, json.dumps(schema))


def test_an_invalid_schema_is_bad_data(registry: FakeRegistry) -> None:
    with pytest.raises(DataError, match=f"{registry.url} rejects .*: Invalid schema"):
        register(registry.url, SUBJECT, "no schema")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, b'{"error_code": 40101, "message": "Unauthorized"}'), "refuses: Unauthorized"),
        ((503, b'{"error_code": 50003, "message": "No leader"}'), "refuses: No leader"),
        ((500, b"<html>"), "refuses: Unknown"),
        ((200, b"<html>"), "gives no usable answer"),
    ],
)
def test_other_answers_mean_that_it_is_away(
    registry: FakeRegistry, answer: tuple[int, bytes], reason: str
) -> None:
    registry.answer = answer
    with pytest.raises(UnavailableError, match=f"{registry.url} {reason}"):
        register(registry.url, SUBJECT, schema_text())


def test_a_registry_that_is_gone_is_away(nobody: str) -> None:
    with pytest.raises(UnavailableError, match=f"http://{nobody} gives no usable answer"):
        register(f"http://{nobody}", SUBJECT, schema_text())


@pytest.mark.parametrize("overtaken", [{"config"}, {"subjects"}, {"config", "subjects"}])
def test_who_comes_second_in_a_race_goes_on(registry: FakeRegistry, overtaken: set[str]) -> None:
    """As when several replicas start at once: Apicurio says 409, "already exists"."""
    registry.overtaken = overtaken
    assert register(registry.url, SUBJECT, schema_text()) == 100
    assert registry.level == "BACKWARD"


def test_a_conflict_that_leaves_no_trace_is_tried_again(registry: FakeRegistry) -> None:
    registry.post_subjects = lambda *_: NOT_FOUND
    registry.overtaken = {"subjects"}
    with pytest.raises(UnavailableError, match="somebody else changes ratings-value"):
        register(registry.url, SUBJECT, schema_text())


def test_another_level_of_compatibility_is_never_taken_for_ours(registry: FakeRegistry) -> None:
    registry.put_config = lambda *_: (409, {"error_code": 409, "message": "exists"})
    registry.level = "NONE"
    with pytest.raises(UnavailableError, match="somebody else changes ratings-value"):
        register(registry.url, SUBJECT, schema_text())
    assert not registry.schemas


def test_a_schema_is_fetched_once(registry: FakeRegistry) -> None:
    register(registry.url, SUBJECT, schema_text())
    with closing(SchemaRegistry(registry.url)) as opened:
        for _ in range(2):
            assert opened.schema(100)["name"] == current_schema()["name"]
    assert registry.requests.count(("GET", "/schemas/ids/100")) == 1


def test_only_a_schema_that_is_not_there_is_unknown(registry: FakeRegistry) -> None:
    with closing(SchemaRegistry(registry.url)) as opened, pytest.raises(LookupError):
        opened.schema(100)


@pytest.mark.parametrize("answer", [(500, b"{}"), (401, b"{}"), (200, b"<html>"), (200, b"{}")])
def test_any_other_answer_about_a_schema_means_that_it_is_away(
    registry: FakeRegistry, answer: tuple[int, bytes]
) -> None:
    registry.answer = answer
    with closing(SchemaRegistry(registry.url)) as opened, pytest.raises(UnavailableError):
        opened.schema(100)


def test_a_schema_of_another_kind_is_a_bad_message(registry: FakeRegistry) -> None:
    registry.answer = (200, json.dumps({"schema": "syntax = 'proto3';"}).encode())
    with closing(SchemaRegistry(registry.url)) as opened:  # noqa: SIM117 - one thing may raise
        with pytest.raises(BatchError, match="the schema 100 is not an Avro schema"):
            opened.schema(100)


def test_a_password_is_sent_and_not_told(registry: FakeRegistry) -> None:
    registry.answer = (401, b"{}")
    with pytest.raises(UnavailableError) as error:
        register(registry.url.replace("//", "//me:hunter2@"), SUBJECT, schema_text())
    assert registry.authorization == {"Basic bWU6aHVudGVyMg=="}
    assert registry.url in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_invalid_address_is_an_error_of_configuration() -> None:
    with pytest.raises(ConfigError, match="not the address") as error:
        register("ftp://me:hunter2@registry", SUBJECT, schema_text())
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None
