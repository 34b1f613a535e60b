"""An MLflow that takes connections and never answers: a command waits for it once, and says so.

How long is a constant, shortened here; `tests/e2e/test_hung_servers.py` has the real processes.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from urllib3.util import Timeout

from mlproject.cli import tvrec
from mlproject.registry import mlflow_server

PROMISED_SECONDS = 15
UNAVAILABLE = 5
# Without `doctor`, `train` and `tune`, which do more than ask MLflow.
COMMANDS = (
    "compare 1 2", "history", "promote", "promote --version 1", "recommend --user 1", "release",
    "retain", "retain --dry-run", "rollback", "runs", "versions",
)  # fmt: skip


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The system takes up connections, and nobody reads them."""
    short = Timeout(connect=0.1, read=0.1)
    monkeypatch.setattr(mlflow_server, "_TIMEOUT", short)
    monkeypatch.setattr(mlflow_server, "_PING_TIMEOUT", short)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        listener.settimeout(0)
        yield listener


def connections_to(listener: socket.socket) -> int:
    """Return how many were made and not counted yet."""
    number = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return number
        number += 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_waits_once_and_says_who_is_silent(
    command: str, silent: socket.socket, tmp_path: Path
) -> None:
    uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
    settings = {"TVREC_STATE_DIR": str(tmp_path), "MLFLOW_TRACKING_URI": uri}
    result = CliRunner().invoke(tvrec, command.split(), env=settings)
    assert result.exit_code == UNAVAILABLE, result.output
    assert result.stderr.startswith(f"Error: MLflow at {uri} does not answer")
    assert connections_to(silent) == 1


def test_to_wait_once_is_within_what_is_promised() -> None:
    for limit in (mlflow_server._TIMEOUT, mlflow_server._PING_TIMEOUT):
        connect, read = limit.connect_timeout, limit.read_timeout
        assert isinstance(connect, int)
        assert isinstance(read, int)
        assert connect + read <= PROMISED_SECONDS
