"""On real ratings an ingest on Spark writes what the ingest of one machine writes."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.events.replay import ReplaySource
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest as ingest_here
from mlproject.snapshot.switch import current, read_manifest
from mlproject.spark.ingest import ingest
from mlproject.spark.reading import OpenStore
from tests.servers import ROOT

RATINGS = ROOT.parent / "shared/data/anime/rating.csv.gz"
A_BATCH = 10_000
LATER = 5

pytestmark = [
    pytest.mark.skipif(not RATINGS.exists(), reason="the anime ratings are not here"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def batches() -> list[tuple[str, bytes]]:
    """All ratings in batches, half of them JSON lines."""
    source = ReplaySource.open(RATINGS, backlog_share=1, seed=1)
    kinds = [BatchKey(0, 0).format, "jsonl.gz"]
    made = []
    for place, start in enumerate(range(0, len(source.order), A_BATCH)):
        key = BatchKey(place % 2, start, kinds[place % 2])
        made.append((str(key), encode_batch(key, source.read(start, A_BATCH))))
    return made


def test_the_digest_is_that_of_one_machine(
    spark: SparkSession,
    open_store: OpenStore,
    local_store: LocalStore,
    batches: list[tuple[str, bytes]],
    tmp_path: Path,
) -> None:
    twin = LocalStore(tmp_path / "twin")
    for some in (batches[:-LATER], batches[-LATER:]):
        for key, content in some:
            local_store.put(key, content)
            twin.put(key, content)
        found, wanted = ingest(spark, open_store), ingest_here(twin)[1]
        assert found == wanted
        assert found.read.rejected == 0
        ours, theirs = read_manifest(local_store).manifest, read_manifest(twin).manifest
        assert ours
        assert theirs
        assert (ours.digest, ours.rows, ours.users, ours.shows) == (
            theirs.digest,
            theirs.rows,
            theirs.users,
            theirs.shows,
        )
    assert len(ours.deltas) == 1
    assert len(current(local_store)[1]) == ours.rows > 500_000
