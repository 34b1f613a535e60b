"""An ingest on Spark writes what the ingest of one machine writes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.core.errors import DataError
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import IngestLimits
from mlproject.snapshot.ingest import ingest as ingest_here
from mlproject.snapshot.keys import SEGMENTS
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.switch import current, read_manifest
from mlproject.spark.ingest import ingest
from mlproject.spark.reading import OpenStore
from tests.rating_rows import many

LIMITS = IngestLimits(batches_per_commit=5)


def put(store: ObjectStore, key: BatchKey, count: int, seed: int) -> None:
    store.put(str(key), encode_batch(key, many(count, seed, users=200)))


def put_all_sorts(store: ObjectStore) -> None:
    """Store good batches of both formats, bad rows, and a batch that cannot be read."""
    for place in range(3):
        put(store, BatchKey(0, place * 300), 300, seed=place)
        put(store, BatchKey(1, place * 300, "jsonl.gz"), 300, seed=place)
    store.put(str(BatchKey(2, 0, "jsonl")), b'{"user_id": 1}\nno event\n')
    store.put(str(BatchKey(2, 5, "avro")), b"unreadable")


def manifest_of(store: ObjectStore) -> Manifest:
    manifest = read_manifest(store).manifest
    assert manifest
    return manifest


def quarantine(store: ObjectStore) -> dict[str, bytes | None]:
    return {info.key: store.get(info.key) for info in store.list("quarantine/")}


@pytest.fixture
def twin(local_store: LocalStore, tmp_path: Path) -> LocalStore:
    """A copy of the store as it is now, file times included, for the ingest of one machine."""
    put_all_sorts(local_store)
    shutil.copytree(tmp_path / "state", tmp_path / "twin")
    return LocalStore(tmp_path / "twin" / "store")


def test_the_snapshot_is_that_of_one_machine(
    spark: SparkSession, open_store: OpenStore, local_store: LocalStore, twin: LocalStore
) -> None:
    found, wanted = ingest(spark, open_store, LIMITS), ingest_here(twin, limits=LIMITS)[1]
    assert found == wanted
    assert manifest_of(local_store) == manifest_of(twin)
    assert quarantine(local_store) == quarantine(twin) != {}
    current(local_store)  # looks that the segments are what the manifest says


def test_new_batches_become_a_delta_and_many_a_new_base(
    spark: SparkSession, open_store: OpenStore, local_store: LocalStore, twin: LocalStore
) -> None:
    ingest(spark, open_store)
    ingest_here(twin)
    for count in (40, 3000):
        key = BatchKey(7, 1000 * count)
        put(local_store, key, count, seed=count)
        put(twin, key, count, seed=count)
        found, wanted = ingest(spark, open_store), ingest_here(twin)[1]
        assert found == wanted
        ours, theirs = manifest_of(local_store), manifest_of(twin)
        # Tags of objects are times here.
        assert replace(ours, watermarks={}) == replace(theirs, watermarks={})
    assert not ours.deltas
    assert rebuild(local_store)[1].equal


def test_nothing_new_writes_nothing(
    spark: SparkSession, open_store: OpenStore, local_store: LocalStore
) -> None:
    put_all_sorts(local_store)
    generation = ingest(spark, open_store).generation
    before = {info.key: info.etag for info in local_store.list("")}
    assert ingest(spark, open_store).generation == generation
    assert {info.key: info.etag for info in local_store.list("")} == before


def test_batches_without_a_good_row_leave_an_empty_snapshot(
    spark: SparkSession, open_store: OpenStore, local_store: LocalStore
) -> None:
    local_store.put(str(BatchKey(0, 0, "jsonl")), b"no event\n")
    report = ingest(spark, open_store)
    assert (report.read.rejected, report.fresh) == (1, 0)
    put(local_store, BatchKey(0, 1), 100, seed=1)
    assert ingest(spark, open_store).fresh == len(current(local_store)[1])


def test_a_damaged_segment_is_told_in_a_sentence(
    spark: SparkSession, open_store: OpenStore, local_store: LocalStore
) -> None:
    put(local_store, BatchKey(0, 0), 300, seed=1)
    ingest(spark, open_store)
    segment = next(iter(local_store.list(SEGMENTS)))
    local_store.put(segment.key, b"damaged")
    put(local_store, BatchKey(0, 300), 10, seed=2)
    with pytest.raises(DataError, match=r"differs from its checksum.*tvrec dataset rebuild"):
        ingest(spark, open_store)
