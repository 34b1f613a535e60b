"""Forgetting that is killed at any moment, beside a builder, ends when it is asked again."""

import multiprocessing
import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGKILL
from uuid import UUID

import pytest

from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.core.errors import AlreadyRunningError
from mlproject.histories.copies import Copies
from mlproject.objects.local import LocalStore
from mlproject.pipelines.forget import forget
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.switch import current
from tests import builders
from tests.following import worker
from tests.search_bytes import where_found
from tests.unit.histories.conftest import settle

pytestmark = builders.PYARROW_AND_PANDAS

KILLS = 20
ROWS = 40
USER = 7_350_927_146_381
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def event_id(position: int) -> str:
    return str(UUID(int=random.Random(position).getrandbits(128)))


def add_batches(store: LocalStore, number: int) -> list[str]:
    """Add six batches of all formats to two partitions; return the ids of the user's events."""
    mine = []
    for place in range(6):
        first = (number * 6 + place) * ROWS
        ids = [event_id(first + row) for row in range(ROWS)]
        users = [USER if row % 4 == 0 else row for row in range(ROWS)]
        shows = [first + row for row in range(ROWS)]
        key = BatchKey(place % 2, first, ("jsonl", "jsonl.gz", "parquet")[place % 3])
        ratings = builders.ratings(ROWS, first=first, event_id=ids, user_id=users, show_id=shows)
        store.put(str(key), encode_batch(key, ratings))
        mine += ids[::4]
    return mine


def build(folder: Path) -> None:
    """Ingest once, as a builder does, which may lose against another."""
    with suppress(AlreadyRunningError):
        ingest(LocalStore(folder / "store"))


def leave(folder: Path) -> None:
    store = LocalStore(folder / "store")
    forget(store, Copies(folder / "histories", store.uri), USER, NOW)


@pytest.mark.timeout(300)
def test_twenty_kills_beside_a_builder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlproject.pipelines.forget"])
    store, rng = LocalStore(tmp_path / "store"), random.Random(7)
    mine = add_batches(store, 0)
    ingest(store)
    settle(worker(tmp_path))
    duration, kills, number = 0.5, 0, 1
    while kills < KILLS:
        mine += add_batches(store, number)
        number += 1
        builder = context.Process(target=build, args=(tmp_path,))
        victim = context.Process(target=leave, args=(tmp_path,))
        began = time.monotonic()
        builder.start()
        victim.start()
        victim.join(rng.uniform(0, 1.5 * duration))
        victim.kill()
        victim.join()
        builder.join()
        kills += victim.exitcode == -SIGKILL
        # On a busy machine the first guess may be far off: aim at kills before and after.
        duration = max(0.05, time.monotonic() - began) if victim.exitcode == 0 else duration * 1.05
        current(store)  # raises if anything is missing or damaged
    leave(tmp_path)
    mine += add_batches(store, number)
    state, _ = ingest(store)
    assert len(state.of_user(USER)) == 0
    assert len(state) == (number + 1) * 6 * ROWS * 3 // 4, "the others are all there"
    assert rebuild(store)[1].equal
    # What a kill leaves half written is removed once nobody can be writing it.
    store.remove_unfinished(0)
    assert where_found(tmp_path, USER, mine) == []
