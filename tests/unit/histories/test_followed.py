"""Histories follow the snapshot and the stream, over restarts and what goes wrong."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mlproject.batches.follow import BatchStream
from mlproject.batches.keys import SERVICE_PARTITION, BatchKey
from mlproject.core.errors import StoreUnavailableError, UnavailableError
from mlproject.core.user_histories import Position
from mlproject.histories.copies import Copies
from mlproject.histories.followed import FollowedHistories, Limits
from mlproject.snapshot.keys import MANIFEST
from mlproject.snapshot.rebuild import rebuild
from mlproject.testing import MemoryStore
from tests import builders
from tests.rating_rows import batch
from tests.servers import wait_until
from tests.unit.histories.conftest import World, event, known, place, settle

pytestmark = builders.PYARROW_AND_PANDAS


def test_the_snapshot_and_what_comes_after_it_are_known(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1), (2, 10, 0, 100, 0, 2))
    world.ingest()
    world.batch((1, 10, 9, 200, 0, 3), (1, 30, 7, 200, 0, 4))
    histories = world.process()
    histories.turn()
    assert known(histories) == [(1, 10, 9), (1, 30, 7), (2, 10, 0)]
    assert histories.position == Position(1, {0: 4})
    world.batch((2, 10, 3, 300, 0, 5))
    histories.turn()
    assert known(histories) == [(1, 10, 9), (1, 30, 7), (2, 10, 3)]


def test_an_older_rating_that_comes_later_loses(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    world.ingest()
    world.batch((1, 10, 9, 99, 0, 1))
    histories = world.process()
    histories.turn()
    assert known(histories) == [(1, 10, 5)]
    assert histories.status.live_ratings == 0


def test_an_unknown_user_has_no_history(world: World) -> None:
    histories = world.process()
    histories.turn()
    for user in (3, -1, 2**63):
        assert len(histories.of(user).ratings) == 0


def test_what_came_through_this_process_counts_at_once(world: World) -> None:
    histories = world.process()
    histories.turn()
    row = (1, 10, 5, 100, 0, 1)
    histories.add(event(row), place(SERVICE_PARTITION, 0))
    assert known(histories) == [(1, 10, 5)]
    assert histories.of(1).position == Position(0, {}, ((SERVICE_PARTITION, 0),))
    assert histories.of(2).position.beyond == ()
    world.batch(row, partition=SERVICE_PARTITION)
    histories.turn()
    assert known(histories) == [(1, 10, 5)]
    assert histories.of(1).position == Position(0, {SERVICE_PARTITION: 1})


def test_a_rating_that_the_stream_has_come_to_already_is_not_ahead(world: World) -> None:
    row = (1, 10, 5, 100, 0, 1)
    world.batch(row, partition=SERVICE_PARTITION)
    histories = world.process()
    histories.turn()
    histories.add(event(row), place(SERVICE_PARTITION, 0))
    assert histories.of(1).position.beyond == ()


def test_a_restart_goes_on_from_the_copy_on_the_disk_before_any_thread_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    world.ingest()
    world.process().turn()
    again = world.process()
    monkeypatch.setattr(again._thread, "start", lambda: None)
    again.start()
    assert known(again) == [(1, 10, 5)]
    assert again.status.is_loaded


def test_at_the_bound_a_new_copy_takes_what_is_in_memory(world: World) -> None:
    histories = world.process(live_ratings=3)
    world.batch(*((1, show, 5, 100, 0, show) for show in range(4)))
    settle(histories)
    assert (histories.status.live_ratings, histories.status.ratings) == (0, 4)
    assert histories.position == Position(0, {0: 4})
    world.batch((1, 0, 9, 101, 0, 1))
    settle(histories)
    assert known(histories)[0] == (1, 0, 9)
    again = world.process()
    again.turn()
    assert known(again) == known(histories)


def test_a_copy_that_cannot_be_written_stops_the_stream_at_twice_the_bound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = world.process(live_ratings=2)
    histories.turn()

    def full(*_: object) -> None:
        raise StoreUnavailableError("the disk is full")

    monkeypatch.setattr(Copies, "write", full)
    for number in range(4):
        world.batch((1, number, 5, 100, 0, number))
        settle(histories)
    monkeypatch.setattr(histories._stop, "wait", lambda _: None)
    world.clock += 60
    world.batch((1, 9, 5, 100, 0, 9))
    settle(histories)
    assert len(known(histories)) == 4
    assert histories.status.live_ratings == 4
    assert "no new copy of the histories: the disk is full" in histories.status.trouble
    assert histories.status.lag_seconds >= 60
    monkeypatch.undo()
    world.clock += 60
    settle(histories)
    settle(histories)
    assert len(known(histories)) == 5
    assert histories.status.trouble == ""


def test_one_worker_writes_and_the_other_takes_its_copy(world: World) -> None:
    first, second = world.process(live_ratings=3), world.process(live_ratings=1000)
    for histories in (first, second):
        histories.turn()
    world.batch(*((1, show, 5, 100, 0, show) for show in range(4)))
    second.turn()
    assert second.status.live_ratings == 4
    world.batch((2, 7, 5, 100, 0, 7))
    second.turn()
    settle(first)
    settle(first)
    second.turn()
    assert second._copy.name == first._copy.name
    assert second.status.live_ratings <= 1
    assert known(first) == known(second)


def test_a_copy_of_another_worker_that_is_further_moves_the_stream_on(world: World) -> None:
    first, second = world.process(live_ratings=2), world.process()
    second.turn()
    world.batch(*((1, show, 5, 100, 0, show) for show in range(3)))
    settle(first)
    second._take_up_newer()
    assert second.position == first.position
    assert known(second) == known(first)
    world.batch((3, 3, 3, 100, 0, 1))
    second.turn()
    assert known(second)[-1] == (3, 3, 3)


def test_without_a_snapshot_it_begins_with_nothing_and_says_so_to_no_one(world: World) -> None:
    histories = world.process()
    assert histories.status.trouble == "the histories are being loaded"
    assert not histories.status.is_loaded
    histories.turn()
    assert histories.status.is_loaded
    assert histories.status.trouble == ""


def test_store_away_at_start_the_last_copy_serves(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    world.ingest()
    world.process().turn()
    assert isinstance(world.store, MemoryStore)
    world.store.broken = True
    histories = world.process()
    histories.start()
    try:
        assert known(histories) == [(1, 10, 5)]
        wait_until(lambda: histories.status.trouble != "", 20, "the trouble")
        assert "the store is set to fail" in histories.status.trouble
        assert histories.status.lag_seconds > 1e6
        world.store.broken = False
        world.batch((1, 20, 6, 100, 0, 2))
        world.clock += 11
        wait_until(lambda: len(known(histories)) == 2, 10, "the rating")
        wait_until(lambda: histories.status.trouble == "", 20, "the end of the trouble")
    finally:
        histories.close()


def test_neither_store_nor_copy_is_empty_and_says_so(world: World) -> None:
    assert isinstance(world.store, MemoryStore)
    world.store.broken = True
    histories = world.process()
    with pytest.raises(UnavailableError):
        histories.turn()
    assert known(histories) == []
    assert not histories.status.is_loaded
    histories.add(event((1, 10, 5, 100, 0, 1)), place(SERVICE_PARTITION, 0))
    assert known(histories) == [(1, 10, 5)]


def test_a_read_that_fails_halfway_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = world.process()
    histories.turn()
    world.batch((1, 10, 5, 100, 0, 1))
    world.batch((1, 20, 5, 100, 0, 2))
    get = world.store.get

    def fails(key: str) -> bytes | None:
        if key.endswith("01.jsonl"):
            raise StoreUnavailableError("halfway")
        return get(key)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "get", fails)
        with pytest.raises(StoreUnavailableError):
            histories.turn()
    histories._fail("halfway", 0)
    histories.turn()
    assert len(known(histories)) == 2


def test_what_the_stream_cannot_read_comes_with_the_next_snapshot(world: World) -> None:
    histories = world.process()
    histories.turn()
    world.batch((1, 10, 5, 100, 0, 1))
    world.store.put(str(BatchKey(0, 1)), batch((2, 7, 8, 100, 0, 2)))  # Parquet
    world.clock += 11  # to the next listing
    world.ends[0] = 2
    histories.turn()
    assert known(histories) == [(1, 10, 5)]
    assert histories.status.passed_over == 1
    assert "the next snapshot has ratings that partition 0 lacks" in histories.status.trouble
    world.batch((3, 10, 5, 100, 0, 1))
    world.ingest()
    world.clock += 11
    settle(histories)
    assert known(histories) == [(1, 10, 5), (2, 7, 8), (3, 10, 5)]
    assert histories.status.trouble == ""
    assert histories.position == Position(1, {0: 3})


def test_what_is_missed_is_remembered_over_a_restart(world: World) -> None:
    histories = world.process(live_ratings=1)
    histories.turn()
    world.store.put("topics/ratings/partition=0/ratings+0+00000000000000000000.jsonl", b"\xff")
    world.ends[0] = 1
    world.batch((1, 10, 5, 100, 0, 1), (1, 11, 5, 100, 0, 1))
    world.clock += 1000
    settle(histories)
    settle(histories)
    again = world.process()
    monkey = again._copies.current()
    assert monkey
    assert set(monkey.missed) == {0}


def test_a_snapshot_far_ahead_of_an_old_copy_is_read_at_a_start(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    world.ingest()
    world.process().turn()
    world.batch(*((1, show, 5, 200, 0, show) for show in range(20)))
    world.ingest()
    histories = world.process(live_ratings=5)
    copy = histories._copies.current()
    assert copy
    histories._adopt(copy)
    histories._see_to_copy()
    assert histories._writer
    histories._writer.join()
    histories.turn()
    assert histories.position.generation == 2
    assert len(known(histories)) == 20


def test_a_snapshot_older_than_the_copy_is_another_world(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for show in range(3):
        world.batch((1, show, 5, 100, 0, show))
        world.ingest()
    world.process().turn()
    assert isinstance(world.store, MemoryStore)
    world.store.objects.clear()
    world.ends.clear()
    world.batch((2, 10, 5, 100, 0, 1))
    world.ingest()
    histories = world.process()
    for _ in range(3):
        histories.turn()
    assert known(histories) == [(2, 10, 5)]
    assert "is older than the copy" in caplog.text


def test_a_damaged_snapshot_is_said_and_the_copy_stays(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    world.ingest()
    world.process().turn()
    world.store.put(MANIFEST, b"{}")
    histories = world.process()
    settle(histories)
    assert known(histories) == [(1, 10, 5)]
    assert "the snapshot's manifest is damaged" in histories.status.trouble


def test_a_surprise_ends_no_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    histories = world.process()
    monkeypatch.setattr("mlproject.histories.followed._LONG_RETRY_SECONDS", 0.01)
    surprises = iter([ZeroDivisionError("a surprise")])
    read = histories._stream.read

    def surprising(wait_seconds: float) -> object:
        for surprise in surprises:
            raise surprise
        return read(wait_seconds)

    monkeypatch.setattr(histories._stream, "read", surprising)
    world.batch((1, 10, 5, 100, 0, 1))
    histories.start()
    wait_until(lambda: len(known(histories)) == 1, 10, "the rating")
    histories.close()


def test_it_equals_a_rebuild(world: World) -> None:
    histories = world.process(live_ratings=4)
    for number in range(30):
        world.batch((number % 5, number % 7, 1 + number % 10, number * 37 % 11, 0, number))
        if number % 9 == 0:
            world.ingest()
        settle(histories)
    world.ingest()
    state, _ = rebuild(world.store)
    rows = zip(
        state.ratings.user_id.tolist(),
        state.ratings.show_id.tolist(),
        state.ratings.rating.tolist(),
        strict=True,
    )
    assert known(histories) == list(rows)


def test_reading_is_not_held_up_by_following(tmp_path: Path) -> None:
    """While batches of ten thousand come in, reads go on between and within them."""
    world = World(tmp_path)
    histories = FollowedHistories(
        world.store,
        BatchStream(world.store),
        Copies(tmp_path / "histories", world.store.uri),
        Limits(poll_seconds=0.01),
    )
    histories.start()
    done = threading.Event()

    def write() -> None:
        for number in range(3):
            world.batch(*((user, number, 5, 100, 0, user) for user in range(10_000)))
        done.set()

    threading.Thread(target=write).start()
    took: list[float] = []
    end = time.monotonic() + 60
    while len(histories.of(77).ratings) < 3:
        assert time.monotonic() < end
        began = time.perf_counter()
        histories.of(77)
        took.append(time.perf_counter() - began)
    histories.close()
    assert len(took) > 100
    # The few slowest say what else the machine has to do.
    assert np.percentile(took, 99) < 0.1


def test_the_service_needs_neither_pandas_nor_pyarrow_for_it() -> None:
    code = (
        "import sys, mlproject.histories.followed, mlproject.batches.follow, "
        "mlproject.kafka.follow; print({'pandas', 'pyarrow', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
