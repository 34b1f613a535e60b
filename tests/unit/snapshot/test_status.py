"""The status tells what there is and what waits, and reads no batch."""

import pytest

from mlproject.batches.keys import BatchKey
from mlproject.batches.progress import Totals
from mlproject.batches.quarantine import QuarantineCounts
from mlproject.core.errors import DataError
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.keys import MANIFEST
from mlproject.snapshot.status import PartitionStatus, status
from mlproject.testing import MemoryStore
from tests.rating_rows import put


def test_before_the_first_ingest_everything_waits(store: MemoryStore) -> None:
    put(store, 0, 0)
    newest = put(store, 0, 10)
    found = status(store)
    assert (found.generation, found.rows, found.lag, found.digest) == (0, 0, 2, "")
    assert found.partitions == (PartitionStatus(0, "", 0, newest, 2),)


def test_counts_watermarks_and_lag(store: MemoryStore) -> None:
    read = put(store, 0, 0, count=24)
    store.put(str(BatchKey(1, 0)), b"")
    store.put(str(BatchKey(2, 0, "jsonl")), b"broken")
    state, _ = ingest(store)
    newest = put(store, 0, 24)
    found = status(store)
    assert (found.generation, found.rows, found.users, found.shows) == (1, 24, 24, 12)
    assert (found.segments, found.digest, found.lag) == (1, state.digest.text, 1)
    assert found.size > 0
    assert found.partitions[0] == PartitionStatus(0, read, 24, newest, 1)
    assert [part.lag for part in found.partitions] == [1, 0, 0]
    assert found.totals == Totals(batches=2, unreadable=1, events=24, rejected=1)
    assert found.quarantine == QuarantineCounts(rejected_files=1, unreadable=1)


def test_a_partition_whose_batches_are_gone_is_still_told(store: MemoryStore) -> None:
    key = put(store, 3, 0)
    ingest(store)
    store.delete(key)
    assert status(store).partitions == (PartitionStatus(3, key, 10, key, 0),)


def test_a_damaged_manifest_is_an_error(store: MemoryStore) -> None:
    store.put(MANIFEST, b"{")
    with pytest.raises(DataError, match="damaged"):
        status(store)
