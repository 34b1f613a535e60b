"""A command in a process of its own."""

from pathlib import Path

import psutil
import pytest

from mlproject.cli.apart import run_apart
from mlproject.core.errors import UnavailableError


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TVREC_STATE_DIR", str(tmp_path))


def test_what_it_prints_comes_back_and_what_it_logs_is_seen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_apart(["export-shows", "--json"]) == {"shows": 501, "written": True}
    assert "exported 501 shows" in capsys.readouterr().err


def test_if_it_fails_its_sentence_is_raised_and_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "no.csv")
    with pytest.raises(UnavailableError, match=r"no\.csv") as caught:
        run_apart(["export-shows", "--json", "--catalogue", missing])
    assert not str(caught.value).startswith("Error")
    assert capsys.readouterr().err == ""


def test_it_has_gone_when_it_returns() -> None:
    others = set(psutil.Process().children())  # of this process, from other tests
    run_apart(["export-shows", "--json"])
    assert set(psutil.Process().children()) <= others
