"""What is said of a server that does not answer."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from mlproject.core.errors import TrackingUnavailableError
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.registry.mlflow_server import MlflowServer


@pytest.mark.parametrize(
    ("uri", "times"),
    [
        ("http://127.0.0.1:9", 1),
        ("http://localhost:9", 1),
        ("http://tvrec-mlflow.invalid:5000", 0),
    ],
)
def test_make_run_is_named_on_this_machine_only(uri: str, times: int) -> None:
    """In a cluster it is of no help."""
    with pytest.raises(TrackingUnavailableError) as raised:
        MlflowRegistry(uri=uri, experiment="x", model="x").ping()
    assert str(raised.value).count("make run") == times
    assert uri in str(raised.value)


class ClosesIdle(BaseHTTPRequestHandler):
    """Says that it keeps the connection, and closes it at the next request on it."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.rfile.peek(1)  # the next request has come
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def test_a_connection_that_was_closed_as_it_was_idle_is_no_dead_server() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), ClosesIdle) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mlflow = MlflowServer(f"http://127.0.0.1:{server.server_address[1]}")
        for _ in range(3):
            assert mlflow.find("GET", "experiments/get") == {}
        server.shutdown()
    assert len(ClosesIdle.asked) == 3
