"""What `make run` checks before it starts anything."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import AlreadyRunningError, ConfigError, StoreUnavailableError
from mlproject.launch.checks import check_data, check_port
from tests.servers import free_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


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


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"cannot use .*data\.json"):
        check_data(settings_of(tmp_path), tmp_path / "no such folder")
