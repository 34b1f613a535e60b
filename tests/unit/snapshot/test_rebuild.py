"""A rebuild proves the snapshot from its batches, or mends it, and loses nothing unasked."""

import logging

import pytest

from mlproject.batches.keys import BatchKey
from mlproject.batches.progress import Totals
from mlproject.batches.quarantine import marked
from mlproject.core.errors import DataError
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.keys import MANIFEST, SEGMENTS
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.switch import current
from mlproject.testing import MemoryStore
from tests.rating_rows import batch, put, rows


@pytest.fixture
def full(store: MemoryStore) -> MemoryStore:
    """Three cycles: thirty ratings in a base and two deltas."""
    put(store, 0, 0, count=20)
    ingest(store)
    for offset in (20, 22):
        put(store, 0, offset, count=2)
        ingest(store)
    return store


def test_an_equal_snapshot_is_left_alone(full: MemoryStore) -> None:
    before = dict(full.objects)
    state, report = rebuild(full)
    assert (report.equal, report.replaced, report.rows, report.rows_before) == (True, False, 24, 24)
    assert report.read == Totals(batches=3, events=24)
    assert full.objects == before
    assert rows(state.ratings) == rows(current(full)[1].ratings)


def test_it_is_written_anew_if_forced(full: MemoryStore) -> None:
    _, report = rebuild(full, force=True)
    assert (report.equal, report.replaced, report.generation) == (True, True, 4)
    seen, state = current(full)
    assert len(state) == 24
    assert seen.manifest
    assert (len(seen.manifest.base), seen.manifest.deltas) == (1, ())
    assert ingest(full)[1].read == Totals(), "the watermarks are as they were"


def test_newer_batches_are_left_to_the_next_ingest(full: MemoryStore) -> None:
    put(full, 0, 24, count=3)
    put(full, 5, 0, first=900)
    _, report = rebuild(full, force=True)
    assert (report.equal, report.rows) == (True, 24)
    assert ingest(full)[1].read == Totals(batches=2, events=13)


@pytest.mark.parametrize("harm", ["manifest", "manifest gone", "segment", "segment gone"])
def test_a_damaged_snapshot_is_mended(full: MemoryStore, harm: str) -> None:
    key = MANIFEST if harm.startswith("manifest") else next(full.list(SEGMENTS)).key
    if harm.endswith("gone"):
        full.delete(key)
    else:
        full.put(key, b"damaged")
    state, report = rebuild(full)
    assert (report.equal, report.replaced, report.rows, report.rows_before) == (
        False,
        True,
        24,
        None,
    )
    assert report.generation > 3
    assert rows(current(full)[1].ratings) == rows(state.ratings)
    assert ingest(full)[1].read == Totals()


def test_a_batch_that_was_unreadable_is_tried_again(
    full: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bad, worse = str(BatchKey(0, 24)), str(BatchKey(0, 26))
    full.put(bad, b"PAR1 cut off")
    full.put(worse, b"")
    ingest(full)
    put(full, 0, 24, count=2)
    _, report = rebuild(full)
    assert (report.equal, report.replaced, report.rows, report.rows_before) == (False, True, 26, 24)
    assert list(marked(full)) == [worse]
    assert f"batch {bad} can be read now" in caplog.text


def test_ratings_whose_batches_are_gone_are_not_lost_unasked(full: MemoryStore) -> None:
    full.delete(str(BatchKey(0, 20)))
    before = dict(full.objects)
    with pytest.raises(DataError, match="2 ratings of the snapshot in memory:// are no longer"):
        rebuild(full)
    assert full.objects == before
    _, report = rebuild(full, force=True)
    assert (report.replaced, report.lost, report.rows) == (True, 2, 22)


def test_ratings_that_lose_against_later_ones_are_not_lost(store: MemoryStore) -> None:
    put(store, 0, 0)
    store.put(str(BatchKey(1, 0)), b"")
    store.put(str(BatchKey(2, 0)), batch((1, 1, 5, 10, 0, 1)))
    ingest(store)
    store.put(str(BatchKey(1, 0)), batch((1, 1, 9, 11, 0, 2)))
    _, report = rebuild(store)
    assert (report.equal, report.replaced, report.lost) == (False, True, 0)


def test_nothing_can_be_rebuilt_too(store: MemoryStore) -> None:
    state, report = rebuild(store)
    assert (len(state), report.rows_before, report.read) == (0, None, Totals())
