"""Which code made a run, and who promoted a version."""

import getpass
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mlproject import config, provenance
from mlproject.provenance import Trigger, run_tags, user_name

COMMIT = "mlflow.source.git.commit"


def test_the_commit_is_the_one_that_is_named() -> None:
    assert run_tags(config.load(git_commit="abc")) == {"trigger": "hand", COMMIT: "abc"}


def test_the_commit_is_the_checkouts_unless_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert re.fullmatch("[0-9a-f]{40}", run_tags(config.load())[COMMIT])


@pytest.mark.parametrize("path", ["", None], ids=["no git", "no checkout"])
def test_without_a_commit_none_is_noted(
    path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shutil.which("git")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if path is not None:
        monkeypatch.setenv("PATH", path)
    assert run_tags(config.load()) == {"trigger": "hand"}


def test_what_began_a_run_is_noted() -> None:
    assert run_tags(config.load(), Trigger.SCHEDULE)["trigger"] == "schedule"
    assert run_tags(config.load(mlflow_run_id="2f"))["trigger"] == "project"


def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert user_name() == "ann"

    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert user_name() == "unknown"
