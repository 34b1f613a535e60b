"""Ingests new batches into the snapshot on Spark, with the result that one machine would write.

The driver holds the manifest, the names of objects and a few numbers for each task. It
switches the manifest as one machine does, so both kinds of ingest may take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.storagelevel import StorageLevel

from mlproject.batches.forgotten import read_forgotten
from mlproject.batches.listing import Found, new_batches, slices
from mlproject.batches.progress import Progress, Totals
from mlproject.batches.quarantine import unmark_rewritten
from mlproject.core.errors import DataError
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectStore
from mlproject.snapshot.digest import RatingsDigest
from mlproject.snapshot.ingest import IngestLimits, IngestReport
from mlproject.snapshot.keys import is_parquet
from mlproject.snapshot.lease import only_builder
from mlproject.snapshot.manifest import Manifest, SegmentInfo
from mlproject.snapshot.switch import commit, read_manifest
from mlproject.spark.errors import told
from mlproject.spark.merging import Sum, as_base, as_delta
from mlproject.spark.reading import PROGRESS, OpenStore, Segments, batch_rows, progress_of

DEFAULTS: Final = IngestLimits(batches_per_commit=100_000, bytes_per_commit=1 << 40)

_NOTHING: Final = Manifest(
    generation=0,
    base=(),
    deltas=(),
    watermarks={},
    totals=Totals(),
    rows=0,
    users=0,
    shows=0,
    digest=RatingsDigest().text,
)


def ingest(
    spark: SparkSession, open_store: OpenStore, limits: IngestLimits = DEFAULTS
) -> IngestReport:
    """Bring the snapshot up to the newest batch.

    Parameters
    ----------
    spark
        Where to run.
    open_store
        Where batches and snapshot are.
    limits
        How to cut the work.

    Raises
    ------
    AlreadyRunningError
        If another process switched the snapshot meanwhile; what it wrote stands.
    DataError
        If the snapshot is damaged; the text says how to mend it.
    SparkFailedError
        If a job fails for a reason of Spark's own; the next ingest begins where this did.
    StoreUnavailableError
        If the store does not answer.
    """
    with open_store() as store:
        try:
            with told():
                return _Ingest(spark, open_store, store, limits).run()
        except DataError as error:
            raise DataError(
                f"the snapshot in {store.uri} is damaged ({error}); "
                "`tvrec dataset rebuild` rebuilds it from the batches"
            ) from error


@dataclass(frozen=True, slots=True)
class _Ingest:
    spark: SparkSession
    open_store: OpenStore
    store: ObjectStore
    limits: IngestLimits

    def run(self) -> IngestReport:
        seen = read_manifest(self.store)
        forgotten = read_forgotten(self.store)  # after the manifest, as in any ingest
        report = IngestReport(Totals(), 0, 0, compacted=False, generation=0, totals=Totals())
        found = new_batches(self.store, seen.manifest.watermarks if seen.manifest else None)
        first = list(islice(found, 1))
        if first:
            with only_builder(self.store) as renew:
                limits = self.limits.batches_per_commit, self.limits.bytes_per_commit
                for chunk in slices(chain(first, found), *limits):
                    before = seen.manifest or _NOTHING
                    merged, manifest, progress = self._merged(before, chunk, forgotten)
                    renew()
                    seen = commit(self.store, seen, manifest)
                    report = replace(
                        report,
                        read=report.read + progress.totals,
                        fresh=report.fresh + merged.fresh,
                        replaced=report.replaced + merged.replaced,
                        compacted=report.compacted or not set(manifest.base) <= set(before.base),
                    ).late(progress.delay)
        now = seen.manifest or _NOTHING
        offsets = {number: mark.next_offset for number, mark in now.watermarks.items()}
        return replace(report, generation=now.generation, totals=now.totals, offsets=offsets)

    def _merged(
        self, before: Manifest, chunk: Sequence[Found], forgotten: Forgotten
    ) -> tuple[Sum, Manifest, Progress]:
        """Read batches, write the segments that they make, and describe the snapshot then."""
        rows = batch_rows(self.spark, self.open_store, chunk, forgotten).persist(
            StorageLevel.DISK_ONLY
        )
        try:
            progress = progress_of(rows)
            unmark_rewritten(self.store, chunk, before.watermarks, progress)
            new = rows.where(f.col(PROGRESS).isNull()).drop(PROGRESS)
            return *self._written(before, new, progress), progress
        finally:
            rows.unpersist()

    def _written(
        self, before: Manifest, new: DataFrame, progress: Progress
    ) -> tuple[Sum, Manifest]:
        generation, most = before.generation + 1, before.rows + progress.totals.events
        old = self._segments(before.segments)
        base, deltas = before.base, before.deltas
        if not base:
            merged, shows = as_base(old.blocks(), new, self.open_store, generation, most)
            base = merged.segments
        else:
            events = progress.totals.events
            merged, shows = as_delta(old, new, events, self.open_store, generation)
            deltas += merged.segments
        digest = RatingsDigest.read(before.digest).changed(RatingsDigest(), merged.digest)
        if any(is_parquet(info.key) for info in before.segments) or (
            merged.fresh
            and before.base
            and self.limits.asks_for_base(base, before.deltas, merged.fresh)
        ):
            rows = self._segments(base + deltas).blocks()
            whole, _ = as_base(rows, rows.limit(0), self.open_store, generation, most)
            if whole.old != digest:
                raise DataError("the ratings in the segments differ from the manifest")
            base, deltas = whole.segments, ()
        after = Manifest(
            generation=generation,
            base=base,
            deltas=deltas,
            watermarks={**before.watermarks, **progress.watermarks},
            totals=before.totals + progress.totals,
            rows=before.rows + merged.rows,
            users=before.users + merged.users,
            shows=shows,
            digest=digest.text,
        )
        return merged, after

    def _segments(self, segments: Sequence[SegmentInfo]) -> Segments:
        return Segments(self.spark, self.open_store, segments)
