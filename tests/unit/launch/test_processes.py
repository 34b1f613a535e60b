"""The processes of `make run`: none without a clean start, all to their end."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import AlreadyRunningError, StoreUnavailableError
from mlproject.launch.processes import up
from mlproject.objects.locks import hold
from tests.servers import environment, free_port, wait_until, working_on


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def procfile(tmp_path: Path) -> Path:
    """A Procfile whose only process leaves a trace."""
    path = tmp_path / "Procfile"
    path.write_text(f"tracer: touch {tmp_path}/started\n")
    return path


def settings_of(state: Path, **given: object) -> Settings:
    return config.load(
        state_dir=state, **{"mlflow_port": free_port(), "service_port": free_port()} | given
    )


def test_a_state_folder_that_cannot_be_written_is_an_error(tmp_path: Path, procfile: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="another folder with TVREC_STATE_DIR"):
        up(settings_of(tmp_path / "file" / "state"), procfile)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("field", ["mlflow_port", "service_port"])
def test_nothing_is_started_when_a_port_is_taken(
    tmp_path: Path, procfile: Path, taken_port: int, field: str
) -> None:
    with pytest.raises(AlreadyRunningError, match=f"port {taken_port}"):
        up(settings_of(tmp_path / "state", **{field: taken_port}), procfile)
    assert not (tmp_path / "started").exists()


def test_nothing_is_started_when_the_state_folder_is_in_use(tmp_path: Path, procfile: Path) -> None:
    with (
        hold(tmp_path / "state" / "run.lock", "this test"),
        pytest.raises(AlreadyRunningError, match="another `make run` works on"),
    ):
        up(settings_of(tmp_path / "state"), procfile)
    assert not (tmp_path / "started").exists()


def test_the_commands_of_the_procfile_are_found_without_an_active_environment(
    tmp_path: Path,
) -> None:
    said = tmp_path / "said"
    (tmp_path / "Procfile").write_text(f'one: sh -c "tvrec --version > {said}"\n')
    launch(tmp_path)
    assert "tvrec" in said.read_text()


def test_a_part_that_takes_its_time_to_end_is_not_killed(tmp_path: Path) -> None:
    slow = (
        f"trap 'sleep 7; touch {tmp_path}/ended; exit' TERM; touch {tmp_path}/up; sleep 60 & wait"
    )
    (tmp_path / "Procfile").write_text(
        f'slow: sh -c "{slow}"\nfirst: sh -c "until test -e {tmp_path}/up; do sleep 0.1; done"\n'
    )
    launch(tmp_path)
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("whom", ["all", "the part"])
def test_whoever_is_killed_takes_the_rest_along(tmp_path: Path, whom: str) -> None:
    (tmp_path / "Procfile").write_text(
        f'one: sleep 600\nother: sh -c "touch {tmp_path}/up; exec sleep 600"\n'
    )
    state = tmp_path / "var"
    with subprocess.Popen(**command(tmp_path)) as launched:
        wait_until((tmp_path / "up").exists, 30, "the start")
        process = psutil.Process(launched.pid)
        killed = process if whom == "all" else process.children()[0]
        killed.kill()
        launched.wait(timeout=30)
    wait_until(lambda: not working_on(state) and is_free(state), 30, "the end of the rest")


def is_free(state: Path) -> bool:
    """Whether another `make run` could begin."""
    try:
        with hold(state / "run.lock", "this test"):
            return True
    except AlreadyRunningError:
        return False


def launch(folder: Path) -> None:
    """Start the folder's Procfile in a process of its own, and wait until it has ended."""
    subprocess.run(**command(folder), check=True, timeout=60)


def command(folder: Path) -> dict[str, Any]:
    """What starts the folder's Procfile in a process of its own."""
    script = (
        "import sys; from pathlib import Path; from mlproject import config, launch;"
        "launch.up(config.load(), Path(sys.argv[1]))"
    )
    return {
        "args": [sys.executable, "-c", script, str(folder / "Procfile")],
        "env": {
            **environment(TVREC_STATE_DIR=str(folder / "var"), PATH="/usr/bin:/bin"),
            "TVREC_SERVICE_PORT": str(free_port()),
            "TVREC_MLFLOW_PORT": str(free_port()),
        },
    }
