"""An ingest that is killed at any moment leaves a snapshot that the next one goes on from."""

import multiprocessing
import random
import time
from pathlib import Path
from signal import SIGKILL

import pytest

from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import IngestLimits, ingest
from mlproject.snapshot.keys import SEGMENTS
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.switch import current, read_manifest
from tests.rating_rows import many

KILLS = 50
LIMITS = IngestLimits(threads=2, batches_per_commit=4, delta_share=0.3, delta_segments=5)


def add_batches(store: LocalStore, number: int, rows: int = 40) -> None:
    """Add ten batches to two partitions; one of them cannot be read."""
    for place in range(10):
        key = BatchKey(place % 2, (number * 10 + place) * rows)
        content = encode_ratings(many(rows, seed=number * 10 + place))
        path = store.root / str(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if place != 7 else content[:-30])


def segments(store: LocalStore) -> set[str]:
    manifest = read_manifest(store).manifest
    assert manifest
    return {info.key for info in manifest.segments}


@pytest.mark.timeout(300)
def test_fifty_kills_at_random_moments(tmp_path: Path) -> None:
    """Each time the snapshot is whole at once, and in the end equal to a rebuild."""
    # A process that has loaded everything forks the victims, which saves 50 imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlproject.snapshot.ingest"])
    store, rng = LocalStore(tmp_path), random.Random(7)
    generations, rows, kills, number = [0], 0, 0, 0

    def victim() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=ingest, args=(store, None, LIMITS))
        process.start()
        return process

    while number < 2:  # the first of them starts the forking process
        add_batches(store, number)
        number += 1
        started = time.monotonic()
        victim().join()
        duration = time.monotonic() - started
    while kills < KILLS:  # one that had finished before its kill does not count
        add_batches(store, number)
        number += 1
        process = victim()
        process.join(rng.uniform(0, 2 * duration))
        process.kill()
        process.join()
        killed = process.exitcode == -SIGKILL
        kills += killed
        # On a busy machine the first measure may be far off: aim at kills before and after.
        duration *= 1.05 if killed else 0.85
        seen, state = current(store)  # raises if anything is missing or damaged
        assert seen.generation >= generations[-1]
        assert len(state) >= rows
        generations.append(seen.generation)
        rows = len(state)
    assert len(set(generations)) > KILLS / 10, "some got as far as a switch"

    state, report = ingest(store, None, LIMITS)
    rebuilt, compared = rebuild(store)
    assert compared.equal
    assert state.digest == rebuilt.digest
    assert report.totals == compared.read, "every batch counts once, however often it was begun"
    assert report.totals.unreadable == number

    add_batches(store, number)
    before = segments(store)
    ingest(store, state)  # one switch is enough: all left ones are of older generations
    left = {info.key for info in store.list(SEGMENTS)}
    assert left <= before | segments(store), "what the killed ones left is removed"
