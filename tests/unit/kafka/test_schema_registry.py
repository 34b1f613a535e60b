"""Registering a schema, against a registry of a few lines."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlproject.core.errors import ConfigError, DataError, UnavailableError
from mlproject.events.schema import incompatibilities, schema_text
from mlproject.kafka.schema_registry import register

SUBJECT = "ratings-value"


@dataclass
class FakeRegistry:
    """Remembers schemas, and checks a new one as BACKWARD says."""

    url: str = ""
    schemas: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    authorization: set[str | None] = field(default_factory=set)
    answer: tuple[int, bytes] | None = None

    def put(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert path == f"/config/{SUBJECT}"
        return 200, {"compatibility": body["compatibility"]}

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert path == f"/subjects/{SUBJECT}/versions"
        assert body.get("schemaType", "AVRO") == "AVRO"
        try:
            schema = json.loads(body["schema"])
        except ValueError:
            return 422, {"error_code": 42201, "message": "Invalid schema"}
        if self.schemas and (why := incompatibilities(schema, self.schemas[-1])):
            return 409, {"error_code": 409, "message": " ".join(why)}
        if schema not in self.schemas:
            self.schemas.append(schema)
        return 200, {"id": 100 + self.schemas.index(schema)}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    fake = FakeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            path = self.path.partition("?")[0]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append((self.command, path))
            fake.authorization.add(self.headers["Authorization"])
            status, answer = fake.answer or (0, b"")
            if not status:
                handle = fake.put if self.command == "PUT" else fake.post
                status, json_answer = handle(path, body)
                answer = json.dumps(json_answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_PUT = do_POST = respond  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Tests need no access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        yield fake
        server.shutdown()
        thread.join()


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


def test_a_schema_that_is_none_is_bad_data(registry: FakeRegistry) -> None:
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


def test_a_registry_that_is_gone_is_away() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=f"{url} gives no usable answer"):
            register(url, SUBJECT, schema_text())


def test_a_password_is_sent_and_not_told(registry: FakeRegistry) -> None:
    registry.answer = (401, b"{}")
    with pytest.raises(UnavailableError) as error:
        register(registry.url.replace("//", "//me:hunter2@"), SUBJECT, schema_text())
    assert registry.authorization == {"Basic bWU6aHVudGVyMg=="}
    assert registry.url in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_address_that_is_none_is_an_error_of_configuration() -> None:
    with pytest.raises(ConfigError, match="no address") as error:
        register("ftp://me:hunter2@registry", SUBJECT, schema_text())
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None
