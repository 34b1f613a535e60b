"""What `make run` checks before it starts anything."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import AlreadyRunningError, ConfigError, StoreUnavailableError
from mlproject.launch import check_data, check_port, up
from mlproject.objects.locks import hold
from tests.servers import environment, free_port


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


def test_a_free_port_passes() -> None:
    check_port("127.0.0.1", free_port(), "the REST service", "service_port")


@pytest.mark.parametrize(
    ("what", "field", "variable"),
    [
        ("the MLflow server", "mlflow_port", "TVREC_MLFLOW_PORT"),
        ("the REST service", "service_port", "TVREC_SERVICE_PORT"),
    ],
)
def test_a_taken_port_names_the_setting(
    taken_port: int, what: str, field: str, variable: str
) -> None:
    with pytest.raises(AlreadyRunningError) as caught:
        check_port("127.0.0.1", taken_port, what, field)
    assert str(caught.value) == (
        f"port {taken_port} on 127.0.0.1, for {what}, is not available: Address already in use. "
        f"Choose another: make run {variable}={taken_port + 1}"
    )


def test_the_same_data_passes_again(tmp_path: Path) -> None:
    for _ in range(2):
        check_data(settings_of(tmp_path), tmp_path)
    ratings, shows = tmp_path / "ratings.csv", tmp_path / "shows.csv"
    ratings.touch()
    shows.touch()
    other = tmp_path / "other"
    other.mkdir()
    for _ in range(2):
        check_data(settings_of(other, ratings_file=ratings, catalogue_file=shows), other)


def rated(path: Path, header: str, *shows: int) -> Path:
    path.write_text(header + "".join(f"\n{show},{show},9" for show in shows))
    return path


def test_ratings_without_their_catalogue_are_refused(tmp_path: Path) -> None:
    """Whatever ids happen to be in the bundled one."""
    for header, shows in (
        ("user_id,show_id,rating", (1, 2, 900_001, 900_002)),
        ("userId,movieId,rating", (1, 2, 3, 4)),
    ):
        file = rated(tmp_path / "ratings.csv", header, *shows)
        with pytest.raises(ConfigError, match=r"named without its catalogue.* CATALOGUE=\.\.\."):
            check_data(settings_of(tmp_path, ratings_file=file), tmp_path)
        assert not (tmp_path / "data.json").exists()


def test_ratings_of_our_own_shows_need_no_catalogue(tmp_path: Path) -> None:
    file = rated(tmp_path / "ratings.csv", "user_id,show_id,rating", 1, 2, 3)
    check_data(settings_of(tmp_path, ratings_file=file), tmp_path)
    assert (tmp_path / "data.json").exists()


def test_tvmaze_is_noted_as_what_it_is(tmp_path: Path) -> None:
    check_data(settings_of(tmp_path, catalogue_source="tvmaze"), tmp_path)
    with pytest.raises(ConfigError, match=r"of a catalogue \(tvmaze\)"):
        check_data(settings_of(tmp_path), tmp_path)


def test_another_seed_than_was_begun_with_is_refused(tmp_path: Path) -> None:
    check_data(settings_of(tmp_path), tmp_path)
    note = tmp_path / "store" / "state" / "stream.json"
    note.parent.mkdir(parents=True)
    note.write_text('{"source": "simulated", "seed": 42, "parts": []}')
    check_data(settings_of(tmp_path), tmp_path)
    with pytest.raises(ConfigError, match="TVREC_SEED=42, and it is 7 now"):
        check_data(settings_of(tmp_path, seed=7), tmp_path)


@pytest.mark.parametrize("field", ["ratings_file", "catalogue_file"])
def test_other_data_is_not_mixed_in(tmp_path: Path, field: str) -> None:
    own = tmp_path / "own.csv"
    own.touch()
    check_data(settings_of(tmp_path), tmp_path)
    with pytest.raises(ConfigError) as caught:
        check_data(settings_of(tmp_path, **{field: own}), tmp_path)
    assert f"{tmp_path} holds ratings (simulated) of a catalogue (bundled)" in str(caught.value)
    assert str(own) in str(caught.value)
    assert "make run STATE=another-folder" in str(caught.value)
    check_data(settings_of(tmp_path), tmp_path)


@pytest.mark.parametrize("field", ["ratings_file", "catalogue_file"])
def test_a_missing_file_is_named_and_nothing_noted(tmp_path: Path, field: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no file .*missing\.csv"):
        check_data(settings_of(tmp_path, **{field: tmp_path / "missing.csv"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("note", ["", "{", "[]", json.dumps({"ratings": "simulated"})])
def test_a_damaged_note_is_an_error_of_ours(tmp_path: Path, note: str) -> None:
    (tmp_path / "data.json").write_text(note)
    with pytest.raises((ConfigError, StoreUnavailableError)):
        check_data(settings_of(tmp_path), tmp_path)


def test_a_state_folder_that_cannot_be_written_is_an_error(tmp_path: Path, procfile: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="another folder with TVREC_STATE_DIR"):
        up(settings_of(tmp_path / "file" / "state"), procfile)
    assert not (tmp_path / "started").exists()


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"cannot use .*data\.json"):
        check_data(settings_of(tmp_path), tmp_path / "no such folder")


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


def launch(folder: Path) -> None:
    """Start the folder's Procfile in a process of its own, and wait until it has ended."""
    script = (
        "import sys; from pathlib import Path; from mlproject import config, launch;"
        "launch.up(config.load(), Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", script, folder / "Procfile"],
        env={
            **environment(TVREC_STATE_DIR=str(folder / "var"), PATH="/usr/bin:/bin"),
            "TVREC_SERVICE_PORT": str(free_port()),
            "TVREC_MLFLOW_PORT": str(free_port()),
        },
        check=True,
        timeout=60,
    )
