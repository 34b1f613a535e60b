"""The lock of the state folder: one process at a time, and none after a kill."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlproject.core.errors import AlreadyRunningError, StoreUnavailableError
from mlproject.objects.locks import hold

HOLDER = """
import sys
from pathlib import Path
from mlproject.objects.locks import hold
with hold(Path(sys.argv[1]), "the other"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock in another process."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "made when needed" / "run.lock"
    with other_holder(path) as process:
        with pytest.raises(AlreadyRunningError) as caught, hold(path, "another `make run`"):
            pass
        assert str(caught.value) == (
            f"another `make run` works on {path.parent} already (process {process.pid}); "
            "stop it first, or choose another folder with TVREC_STATE_DIR"
        )


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with other_holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        with hold(path, "this"):
            assert path.read_text() != str(process.pid)


def test_the_same_process_can_hold_it_again_but_not_twice(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    for _ in range(2):
        with hold(path, "this"), pytest.raises(AlreadyRunningError), hold(path, "this"):
            pass


def test_a_failure_of_the_holder_passes_through_and_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with pytest.raises(ZeroDivisionError), hold(path, "this"):
        raise ZeroDivisionError
    with hold(path, "this"):
        pass


@pytest.mark.parametrize("place", ["file/run.lock", "folder"])
def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(StoreUnavailableError, match="another folder with TVREC_STATE_DIR"),
        hold(tmp_path / place, "this"),
    ):
        pass
