"""The commands that run everything and look at it."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mlproject import config, launch, signals
from mlproject.testing import MemoryRegistry
from tests.builders import http_server, promote_one

Run = Callable[..., Result]


def test_doctor_says_what_is_wrong_and_ends_with_5(run: Run, nobody: str) -> None:
    port = nobody.rpartition(":")[2]
    result = run("doctor", TVREC_SERVICE_PORT=port)
    assert result.exit_code == 5
    assert "`tvrec export-shows` puts one there" in result.stdout
    told = json.loads(run("doctor", "--json", TVREC_SERVICE_PORT=port).stdout)
    assert {"part": "catalogue", "ok": False}.items() <= told[1].items()


def test_doctor_ends_with_0_when_all_is_well(filled: Run, registry: MemoryRegistry) -> None:
    promote_one(registry)
    with http_server(200) as service:
        port = service.rpartition(":")[2]
        assert filled("doctor", TVREC_SERVICE_PORT=port).exit_code == 0
        told = json.loads(filled("doctor", "--json", TVREC_SERVICE_PORT=port).stdout)
    assert all(finding["ok"] for finding in told)


def test_up_ends_as_what_it_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Procfile").touch()
    started: list[Path] = []

    def up(settings: config.Settings, procfile: Path) -> int:
        started.extend([settings.state_dir, procfile])
        return 7

    monkeypatch.setattr(launch, "up", up)
    result = run("up", "--procfile", tmp_path / "Procfile", TVREC_STATE_DIR=str(tmp_path))
    assert result.exit_code == 7
    assert started == [tmp_path, tmp_path / "Procfile"]


class Once(threading.Event):
    """Ends a loop when it waits for the first time."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


def test_guide_says_what_has_come_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "stop_on_signals", Once)
    with http_server(200, b'{"version": 1, "reason": "it is good"}') as service:
        result = run("guide", TVREC_SERVICE_PORT=service.rpartition(":")[2])
    assert result.exit_code == 0
    assert "version 1 answers: it is good" in result.stdout
    assert f"{service}/recommend" in result.stdout
