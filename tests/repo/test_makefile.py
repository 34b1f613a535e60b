"""What a target of the Makefile must not do."""

import subprocess
from pathlib import Path

from tests.servers import ROOT, environment


def clean_state(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "-C", ROOT, "clean-state", f"STATE={folder}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_of_something_else_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    done = clean_state(tmp_path)
    assert done.returncode != 0
    assert "is no state folder" in done.stdout
    assert (tmp_path / "letter").exists()


def test_a_state_folder_is_removed_and_again_is_no_error(tmp_path: Path) -> None:
    state = tmp_path / "var"
    state.mkdir()
    (state / "run.lock").touch()
    assert clean_state(state).returncode == 0
    assert not state.exists()
    assert clean_state(state).returncode == 0
