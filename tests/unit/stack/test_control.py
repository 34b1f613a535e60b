"""What is said of the servers of a stack."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from stack import __main__ as command
from stack import control
from stack.layout import Layout
from stack.servers import Server

TOLD = """\
mlflow                           RUNNING   pid 1, uptime 0:00:10
service                          RUNNING   pid 2, uptime 0:00:10
model-builder                    RUNNING   pid 3, uptime 0:00:10
"""


def server(name: str, *, answers: bool | None, address: str = "") -> Server:
    return Server(name, (), None if answers is None else lambda: answers, address)


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run ``python -m stack status`` for these servers."""
    monkeypatch.setattr(control, "_supervisorctl", lambda *_, **__: TOLD)
    monkeypatch.setattr(control, "is_running", lambda _: True)
    monkeypatch.setattr(command, "install", lambda _: None)

    def run(*servers: Server) -> tuple[int, list[list[str]]]:
        stack = SimpleNamespace(layout=Layout(tmp_path), servers=lambda: servers)
        monkeypatch.setattr(command, "Stack", lambda *_: stack)
        result = CliRunner().invoke(command.main, ["--folder", str(tmp_path), "status"])
        return result.exit_code, [line.split()[:3] for line in result.stdout.splitlines()]

    return run


def test_a_part_without_a_port_is_not_said_to_answer(status: object) -> None:
    code, lines = status(
        server("mlflow", answers=True, address="http://mlflow"),
        server("model-builder", answers=None),
    )
    assert lines == [["mlflow", "answers", "http://mlflow"], ["model-builder", "no", "port"]]
    assert code == 0


def test_a_server_that_is_silent_is_trouble(status: object) -> None:
    code, lines = status(server("service", answers=False, address="http://service"))
    assert lines == [["service", "silent", "http://service"]]
    assert code == 1


def test_a_part_that_does_not_run_is_trouble(status: object) -> None:
    assert status(server("data-exporter", answers=None))[0] == 1
