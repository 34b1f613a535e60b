"""A small Kafka Connect: the calls that we make, with its words and status codes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeConnect:
    """One connector: its config, and what its status is at each look, the last one for good."""

    url: str = ""
    config: dict[str, str] | None = None
    statuses: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, bytes]] = field(default_factory=list)
    """Given out first, one a request."""
    requests: list[str] = field(default_factory=list)
    authorization: set[str | None] = field(default_factory=set)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        self.requests.append(f"{method} {path}")
        if self.refusals:
            return self.refusals.pop(0)
        what = path.partition("?")[0].rpartition("/")[2]
        if method == "PUT" and what == "config":
            created, self.config = self.config is None, json.loads(body)
            return 201 if created else 200, json.dumps({"config": self.config}).encode()
        if method == "POST" and what == "restart":
            return 202, b"{}"
        found = self.config
        if what == "status" and found is not None:
            found = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if found is None:
            return refusal(404, "Connector ratings-batches not found")
        return 200, json.dumps(found).encode()


def refusal(code: int, message: str) -> tuple[int, bytes]:
    return code, json.dumps({"error_code": code, "message": message}).encode()


def status(*tasks: str, connector: str = "RUNNING", trace: str = "") -> dict[str, Any]:
    """A status in Connect's form; the trace is that of what has failed."""

    def part(state: str) -> dict[str, Any]:
        told = {"state": state, "worker_id": "10.0.0.1:8083", "version": "1"}
        return {**told, "trace": trace} if state == "FAILED" else told

    parts = [{"id": number, **part(state)} for number, state in enumerate(tasks)]
    return {"name": "ratings-batches", "connector": part(connector), "tasks": parts}


@contextmanager
def fake_connect() -> Iterator[FakeConnect]:
    fake = FakeConnect(statuses=[status("RUNNING", "RUNNING")])

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            fake.authorization.add(self.headers["Authorization"])
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            code, answer = fake.answer(self.command, self.path, body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST = respond  # noqa: N815

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
