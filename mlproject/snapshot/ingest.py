"""New batches into the snapshot: what has been read is never read again.

A cycle lists each partition from its watermark, reads the new batches in parallel, merges
them into the ratings in memory, writes the winners as a delta segment and switches the
manifest by one conditional write. When the deltas have grown, the whole state is written
as a new base instead. With the limits below a base is rewritten after at least a fifth of
its rows is new, at most six rows written for each new one, or after 200 cycles with
something new, a 200th of the base each.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Final, Self

from mlproject.batches import quarantine
from mlproject.batches.fetching import fetch
from mlproject.batches.forgotten import read_forgotten
from mlproject.batches.listing import new_batches, slices
from mlproject.batches.progress import Delay, Progress, Totals
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.keys import is_parquet
from mlproject.snapshot.lease import only_builder
from mlproject.snapshot.manifest import Manifest, SegmentInfo
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, current, write_segments


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """How an ingest cuts its work.

    Parameters
    ----------
    threads
        Batches fetched at the same time.
    batches_per_commit, bytes_per_commit
        Batches read before the manifest is switched, and the sizes of their objects: what bounds
        the memory of a first ingest, and what a killed one has to read again. Meanwhile a rating
        takes 250 bytes, and 26 in an object of Parquet.
    delta_share, delta_segments
        The deltas become a new base beyond this share of its rows, or this many.
    """

    threads: int = 8
    batches_per_commit: int = 10_000
    bytes_per_commit: int = 128 << 20
    delta_share: float = 0.2
    # Only a process that starts reads them, at one request each.
    delta_segments: int = 200

    def asks_for_base(
        self, base: Sequence[SegmentInfo], deltas: Sequence[SegmentInfo], fresh: int
    ) -> bool:
        """Tell whether ``fresh`` new rows are to become part of a new base."""
        share = sum(info.rows for info in deltas) + fresh
        return (
            share > self.delta_share * sum(info.rows for info in base)
            or len(deltas) >= self.delta_segments
        )


DEFAULTS: Final = IngestLimits()


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The result of an ingest.

    Parameters
    ----------
    read
        Counts of the batches of this ingest.
    fresh, replaced
        Ratings that are new in the snapshot, and how many of them replaced an older one.
    compacted
        Whether the base was rewritten.
    generation
        The snapshot's, 0 while there is none.
    totals
        Counts since the first batch.
    offsets
        By partition, the offset after the last event of the snapshot.
    to_bucket
        Of the batches of this ingest, as in :class:`~mlproject.batches.progress.Delay`.
    in_bucket
        Seconds that a batch of this ingest had lain in the bucket when it was in the snapshot,
        the most of all.
    """

    read: Totals
    fresh: int
    replaced: int
    compacted: bool
    generation: int
    totals: Totals
    offsets: Mapping[int, int] = field(default_factory=dict)
    # Not of the result: two ingests of the same batches differ in them.
    to_bucket: float = field(default=0.0, compare=False)
    in_bucket: float = field(default=0.0, compare=False)

    def late(self, delay: Delay) -> Self:
        """Return the report after further batches, which are in the snapshot now."""
        return replace(
            self,
            to_bucket=max(self.to_bucket, delay.to_bucket),
            in_bucket=max(self.in_bucket, delay.in_bucket(time.time())),
        )

    @property
    def superseded(self) -> int:
        """Events of this ingest that repeat others or lose against later ones."""
        return self.read.events - self.fresh


def ingest(
    store: ObjectStore, state: RatingsState | None = None, limits: IngestLimits = DEFAULTS
) -> tuple[RatingsState, IngestReport]:
    """Bring the snapshot up to the newest batch.

    Parameters
    ----------
    store
        Where batches and snapshot are.
    state
        What the last ingest of this process returned; it saves reading the segments. One
        that is out of date is noticed and not used.
    limits
        How to cut the work.

    Returns
    -------
    tuple
        The ratings of the snapshot, and the report.

    Raises
    ------
    AlreadyRunningError
        If another process switched the snapshot meanwhile; what it wrote stands.
    DataError
        If the snapshot is damaged.
    StoreUnavailableError
        If the store does not answer.
    """
    seen, state = current(store, state)
    # After the manifest: forgetting switches it once the list is written, so that the commit
    # of an ingest that has not read the list fails.
    forgotten = read_forgotten(store)
    report = IngestReport(Totals(), 0, 0, compacted=False, generation=0, totals=Totals())
    watermarks = seen.manifest.watermarks if seen.manifest else {}
    found = new_batches(store, watermarks)
    first = list(islice(found, 1))
    if first:
        with only_builder(store) as renew, ThreadPoolExecutor(limits.threads) as pool:
            every = chain(first, found)
            for chunk in slices(every, limits.batches_per_commit, limits.bytes_per_commit):
                fetched = fetch(store, chunk, pool, forgotten)
                quarantine.unmark_rewritten(store, chunk, watermarks, fetched.progress)
                merged = state.merge(fetched.ratings)
                state = merged.state
                renew()
                seen, compacted = _switch(
                    store, seen, state, merged.fresh, fetched.progress, limits
                )
                report = replace(
                    report,
                    read=report.read + fetched.progress.totals,
                    fresh=report.fresh + len(merged.fresh),
                    replaced=report.replaced + merged.replaced,
                    compacted=report.compacted or compacted,
                ).late(fetched.progress.delay)
    if seen.manifest and any(is_parquet(info.key) for info in seen.manifest.segments):
        with only_builder(store) as renew:
            renew()
            seen = _written_anew(store, seen, state)
        report = replace(report, compacted=True)
    if seen.manifest:
        marks = seen.manifest.watermarks
        offsets = {partition: mark.next_offset for partition, mark in marks.items()}
        report = replace(report, totals=seen.manifest.totals, offsets=offsets)
    return state, replace(report, generation=seen.generation)


def _written_anew(store: ObjectStore, seen: Seen, state: RatingsState) -> Seen:
    """Replace segments of an older release, which the service cannot read."""
    if seen.manifest is None:
        return seen
    generation = seen.generation + 1
    base = write_segments(store, state.ratings, generation)
    return commit(store, seen, replace(seen.manifest, generation=generation, base=base, deltas=()))


def _switch(
    store: ObjectStore,
    seen: Seen,
    state: RatingsState,
    fresh: RatingColumns,
    progress: Progress,
    limits: IngestLimits,
) -> tuple[Seen, bool]:
    """Write what is new and switch; tell whether the base was rewritten."""
    before = seen.manifest
    base, deltas = (before.base, before.deltas) if before else ((), ())
    generation = seen.generation + 1
    compact = False
    if len(fresh):
        compact = limits.asks_for_base(base, deltas, len(fresh))
        if compact:
            base, deltas = write_segments(store, state.ratings, generation), ()
        else:
            deltas = (*deltas, *write_segments(store, fresh, generation))
    manifest = Manifest.of(
        state,
        generation,
        base=base,
        deltas=deltas,
        watermarks={**(before.watermarks if before else {}), **progress.watermarks},
        totals=(before.totals if before else Totals()) + progress.totals,
    )
    return commit(store, seen, manifest), compact
