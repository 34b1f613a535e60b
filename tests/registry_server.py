"""A Schema Registry of a few lines, which can answer as Apicurio's does in a race."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.schemas import incompatibilities

Answer = tuple[int, dict[str, Any]]
NOT_FOUND: Answer = (404, {"error_code": 40401, "message": "Subject not found"})


@dataclass
class FakeRegistry:
    """Remembers the schemas of one subject, and checks a new one as BACKWARD says.

    ``answer`` overrides every answer, and the next ``failures`` are errors of its own. Each
    path of ``overtaken`` is what somebody else asks for at the same moment and gets, so that
    we are told that there is such a thing.
    """

    url: str = ""
    level: str | None = None
    schemas: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    authorization: set[str | None] = field(default_factory=set)
    answer: tuple[int, bytes] | None = None
    failures: int = 0
    overtaken: set[str] = field(default_factory=set)

    def respond(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.requests.append((method, path))
        if self.failures:
            self.failures -= 1
            return 500, {"error_code": 50001, "message": "no leader"}
        kind = path.split("/")[1]
        told = getattr(self, f"{method}_{kind}".lower())(path, body)
        if kind in self.overtaken and method in {"PUT", "POST"}:
            self.overtaken.remove(kind)
            return 409, {"error_code": 409, "message": f"'{kind}' already exists."}
        return told

    def put_config(self, path: str, body: dict[str, Any]) -> Answer:
        self.level = body["compatibility"]
        return 200, {"compatibility": self.level}

    def get_config(self, path: str, body: dict[str, Any]) -> Answer:
        return (200, {"compatibilityLevel": self.level}) if self.level else NOT_FOUND

    def post_subjects(self, path: str, body: dict[str, Any]) -> Answer:
        assert body.get("schemaType", "AVRO") == "AVRO"
        try:
            schema = json.loads(body["schema"])
        except ValueError:
            return 422, {"error_code": 42201, "message": "Invalid schema"}
        if not path.endswith("/versions"):
            known = schema in self.schemas
            return (200, {**body, **self.place(schema)}) if known else NOT_FOUND
        if why := self.obstacles(schema):
            return 409, {"error_code": 409, "message": " ".join(why)}
        if schema not in self.schemas:
            self.schemas.append(schema)
        return 200, {"id": self.place(schema)["id"]}

    def post_compatibility(self, path: str, body: dict[str, Any]) -> Answer:
        if not self.schemas:
            return NOT_FOUND
        return 200, {"is_compatible": not self.obstacles(json.loads(body["schema"]))}

    def get_schemas(self, path: str, body: dict[str, Any]) -> Answer:
        place = int(path.rpartition("/")[2]) - 100
        if place not in range(len(self.schemas)):
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, {"schema": json.dumps(self.schemas[place])}

    def obstacles(self, schema: dict[str, Any]) -> list[str]:
        return incompatibilities(schema, self.schemas[-1]) if self.schemas else []

    def place(self, schema: dict[str, Any]) -> dict[str, Any]:
        number = self.schemas.index(schema)
        return {"id": 100 + number, "version": number + 1, "subject": "ratings-value"}


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    fake = FakeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "{}")
            fake.authorization.add(self.headers["Authorization"])
            if fake.answer:
                status, answer = fake.answer
            else:
                path = self.path.partition("?")[0]
                status, told = fake.respond(self.command, path, body)
                answer = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST = respond  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Tests need no access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
