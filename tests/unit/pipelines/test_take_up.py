"""A stream goes on with the source it was begun with, or not at all."""

import json
from pathlib import Path

import pytest

from mlproject.batches import keys
from mlproject.core.errors import ConfigError, DataError, UnavailableError
from mlproject.events.parts import Part
from mlproject.events.replay import ReplaySource
from mlproject.events.simulator import Simulator
from mlproject.pipelines.stream_note import StreamNote, read_note
from mlproject.pipelines.take_up import check_catalogue_is_there, known_share, take_up
from mlproject.testing import MemoryStore
from tests.builders import Calendar, put_catalogue, shows

SEED = 5


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text("user_id,show_id,rating\n" + "".join(f"{i},{i % 4},9\n" for i in range(8)))
    return path


def replay(path: Path) -> ReplaySource:
    return ReplaySource.open(path, backlog_share=1, seed=SEED)


def simulator() -> Simulator:
    return Simulator(shows(4), users=3, ratings=6, seed=SEED, now=Calendar().now)


def test_what_is_to_be_sent_is_noted_before_it_is(store: MemoryStore, file: Path) -> None:
    source = replay(file)
    assert take_up(source, store, 0, SEED) is source
    assert read_note(store) == StreamNote("replayed", SEED, "ratings.csv", source.parts, 0)
    take_up(simulator(), store, 0, SEED)
    assert read_note(store) == StreamNote("simulated", SEED)


def test_a_replay_goes_on_part_by_part(store: MemoryStore, file: Path) -> None:
    take_up(replay(file), store, 0, SEED)
    file.write_text(file.read_text() + "9,9,9\n")
    source = take_up(replay(file), store, 4, SEED)
    assert isinstance(source, ReplaySource)
    assert [part.end for part in source.parts] == [8, 9]
    note = read_note(store)
    assert note is not None
    assert note.parts == source.parts


def test_another_source_is_refused_once_something_was_sent(store: MemoryStore, file: Path) -> None:
    take_up(simulator(), store, 0, SEED)
    with pytest.raises(ConfigError, match="holds simulated ratings; ratings of two sources"):
        take_up(replay(file), store, 1, SEED)
    take_up(replay(file), store, 0, SEED)
    with pytest.raises(ConfigError, match=r"holds the ratings of ratings\.csv; ratings of two"):
        take_up(simulator(), store, 1, SEED)


def test_another_seed_is_refused_once_something_was_sent(store: MemoryStore) -> None:
    take_up(simulator(), store, 0, SEED)
    with pytest.raises(ConfigError, match="begun with TVREC_SEED=5, and it is 6 now"):
        take_up(simulator(), store, 1, SEED + 1)


def test_a_store_without_a_note_takes_no_replay(store: MemoryStore, file: Path) -> None:
    """It is from before there were notes: simulated, as far as one can tell."""
    with pytest.raises(ConfigError, match="holds 7 ratings, and no note of whose they are"):
        take_up(replay(file), store, 7, SEED)
    take_up(simulator(), store, 7, SEED)
    assert read_note(store) == StreamNote("simulated", SEED)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"parts": [{"end": 1}]}'])
def test_a_damaged_note_is_an_error_of_ours(store: MemoryStore, content: str) -> None:
    store.put(keys.STREAM, content.encode())
    with pytest.raises(DataError, match="which says whose ratings these are, is damaged"):
        read_note(store)


def test_a_note_comes_back_as_it_was(store: MemoryStore) -> None:
    note = {"source": "replayed", "seed": 1, "file": "a", "rejected": 2}
    store.put(keys.STREAM, json.dumps(note | {"parts": [{"end": 3, "digest": "x"}]}).encode())
    found = read_note(store)
    assert found == StreamNote("replayed", 1, "a", (Part(3, "x"),), 2)
    assert found.rows == 5


def test_how_many_ratings_the_catalogue_knows_is_told(store: MemoryStore, file: Path) -> None:
    assert known_share(replay(file), store) is None
    with pytest.raises(UnavailableError, match="`tvrec export-shows` puts one there"):
        check_catalogue_is_there(store)
    put_catalogue(store, shows(2))
    check_catalogue_is_there(store)
    assert known_share(replay(file), store) == 0.5
