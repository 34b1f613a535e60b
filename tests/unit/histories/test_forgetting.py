"""The service forgets, in files and in memory, before and after a restart."""

from pathlib import Path

import pytest

from mlproject.batches.forgotten import add_forgotten, read_forgotten
from mlproject.batches.keys import SERVICE_PARTITION
from mlproject.core.errors import AlreadyRunningError
from mlproject.core.user_histories import Position
from mlproject.histories.copies import Copies
from mlproject.histories.forgetting import remove_forgotten
from mlproject.histories.past import history_at
from mlproject.testing import MemoryStore
from tests.rating_rows import Row
from tests.unit.histories.conftest import World, event, known, place, settle

OLD: Row = (1, 10, 5, 100, 0, 1)
OTHER: Row = (2, 10, 3, 100, 0, 2)
LATER: Row = (1, 20, 9, 900, 0, 3)
MOMENT = 500


def forget(world: World) -> None:
    add_forgotten(world.store, 1, MOMENT)
    world.clock += 10


def no_sleep(_: float) -> None:
    raise AssertionError("there is nobody to wait for")


def copies(world: World) -> Copies:
    return Copies(world.folder / "histories", world.store.uri)


def folders(world: World) -> list[Path]:
    return [path for path in (world.folder / "histories").iterdir() if path.is_dir()]


def test_ratings_of_the_copy_count_no_more_and_leave_it(world: World) -> None:
    world.batch(OLD, OTHER, LATER)
    world.ingest()
    histories = world.process()
    settle(histories)
    before = folders(world)
    forget(world)
    histories.turn()
    assert known(histories) == [(1, 20, 9), (2, 10, 3)], "at once, before there is a new copy"
    settle(histories)
    assert known(histories) == [(1, 20, 9), (2, 10, 3)]
    assert folders(world) != before
    assert len(folders(world)) == 1
    assert histories.status.ratings == 2


def test_ratings_in_memory_count_no_more(world: World) -> None:
    histories = world.process()
    histories.turn()
    world.batch(OLD, OTHER)
    histories.turn()
    histories.add(event((1, 30, 4, 200, 0, 4)), place(SERVICE_PARTITION, 0))
    histories.add(event(LATER), place(SERVICE_PARTITION, 1))
    assert known(histories) == [(1, 10, 5), (1, 20, 9), (1, 30, 4), (2, 10, 3)]
    forget(world)
    histories.turn()
    assert known(histories) == [(1, 20, 9), (2, 10, 3)]


def test_old_events_of_the_stream_do_not_bring_them_back(world: World) -> None:
    forget(world)
    histories = world.process()
    histories.turn()
    world.batch(OLD, OTHER)
    world.batch(LATER)
    histories.turn()
    assert known(histories) == [(1, 20, 9), (2, 10, 3)]


def test_nor_does_a_snapshot_that_has_them_still(world: World) -> None:
    world.batch(OLD, OTHER)
    world.ingest()
    forget(world)
    histories = world.process()
    settle(histories)
    assert known(histories) == [(2, 10, 3)]
    assert histories.status.ratings == 1, "the first copy is without them"


def test_a_restart_on_an_old_copy_hides_them(world: World) -> None:
    world.batch(OLD, OTHER)
    world.ingest()
    settle(world.process())
    forget(world)
    histories = world.process()
    settle(histories)
    assert known(histories) == [(2, 10, 3)]


def test_a_store_that_is_away_does_not_stop_the_rest(world: World) -> None:
    world.batch(OLD, OTHER)
    histories = world.process()
    histories.turn()
    assert isinstance(world.store, MemoryStore)
    world.store.broken = True
    world.clock += 10
    with pytest.raises(Exception, match="set to fail"):
        histories.turn()  # the stream of batches needs the store
    assert known(histories) == [(1, 10, 5), (2, 10, 3)]


def test_the_copy_of_a_machine_is_cleaned_without_a_service(world: World) -> None:
    world.batch(OLD, OTHER, LATER)
    world.ingest()
    settle(world.process())
    before = folders(world)
    (world.folder / "histories" / ".unfinished-x").mkdir()
    forget(world)
    assert remove_forgotten(copies(world), read_forgotten(world.store), no_sleep) == 1
    assert len(folders(world)) == 1
    assert folders(world) != before
    current = copies(world).current()
    assert current is not None
    assert current.ratings.user_id.tolist() == [1, 2]
    assert remove_forgotten(copies(world), read_forgotten(world.store), no_sleep) == 0
    assert folders(world)[0].name == current.name, "a clean copy is left as it is"


def test_a_worker_takes_up_a_copy_that_was_cleaned(world: World) -> None:
    world.batch(OLD, OTHER)
    world.ingest()
    histories = world.process()
    settle(histories)
    forget(world)
    remove_forgotten(copies(world), read_forgotten(world.store), no_sleep)
    histories.turn()
    assert histories.status.ratings == 1
    assert known(histories) == [(2, 10, 3)]


def test_a_copy_of_another_store_is_removed(world: World) -> None:
    world.batch(OLD)
    world.ingest()
    settle(world.process())
    elsewhere = Copies(world.folder / "histories", "elsewhere")
    assert remove_forgotten(elsewhere, read_forgotten(world.store), no_sleep) == 0
    assert folders(world) == []


def test_no_folder_of_copies_is_made(world: World) -> None:
    remove_forgotten(copies(world), read_forgotten(world.store), no_sleep)
    assert not copies(world).folder.exists()


def test_it_waits_for_a_worker_that_writes(world: World) -> None:
    world.batch(OLD)
    world.ingest()
    settle(world.process())
    waits: list[float] = []
    with copies(world).writing(), pytest.raises(AlreadyRunningError):
        remove_forgotten(copies(world), read_forgotten(world.store), waits.append)
    assert waits


def test_an_old_answer_can_no_longer_be_made_again(world: World) -> None:
    world.batch(OLD, LATER)
    position = Position(0, {0: 2})
    assert history_at(world.store, position, 1).show_ids.tolist() == [10, 20]
    forget(world)
    assert history_at(world.store, position, 1).show_ids.tolist() == [20]
