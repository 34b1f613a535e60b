"""Merges new ratings into those of the snapshot, user by user, and writes the segments.

A task has all ratings of its users that are needed, and merges them as one machine does, by
:meth:`~mlproject.snapshot.state.RatingsState.merge`. What it counts adds up, since no user
is in two tasks.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pyarrow import compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.sql.types import BinaryType, LongType, StringType, StructField, StructType
from pyspark.storagelevel import StorageLevel

from mlproject.core import columns as c
from mlproject.snapshot.digest import RatingsDigest
from mlproject.snapshot.latest import latest
from mlproject.snapshot.manifest import SegmentInfo
from mlproject.snapshot.state import Merged, RatingsState
from mlproject.snapshot.switch import SEGMENT_ROWS, write_segments
from mlproject.spark.blocks import (
    BLOCK,
    Batches,
    bounds_of,
    brought_together,
    by_hash,
    by_ranges,
    of_blocks,
    to_blocks,
)
from mlproject.spark.reading import OpenStore, Segments
from mlproject.spark.rows import one_row, rows_of

_NEW: Final = "is_new"
_SUM: Final = "sum"
_ROWS: Final = StructType(
    [
        StructField(BLOCK, BinaryType()),
        StructField(c.USER_ID, LongType()),
        StructField(c.SHOW_ID, LongType()),
        StructField(_SUM, StringType()),
    ]
)
"""Each row has a block, a show, or a sum and the first of its users."""
_NO_ROWS: Final = RatingsDigest()
# Ratings that a task merges: 41 bytes each, some five times over.
_TASK_ROWS: Final = 1_000_000
# Up to so many new ratings their users are sent to the tasks that read old ones: 8 MB.
_FEW: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of some merges.

    Parameters
    ----------
    rows, users
        How many more there are.
    digest
        What the snapshot's digest changes by.
    old
        The digest of the old ratings that took part.
    fresh, replaced
        As in :class:`~mlproject.snapshot.state.Merged`.
    segments
        What was written.
    """

    rows: int = 0
    users: int = 0
    digest: RatingsDigest = _NO_ROWS
    old: RatingsDigest = _NO_ROWS
    fresh: int = 0
    replaced: int = 0
    segments: tuple[SegmentInfo, ...] = ()

    @classmethod
    def of(cls, old: RatingsState, merged: Merged, segments: tuple[SegmentInfo, ...] = ()) -> Self:
        """Count one merge."""
        return cls(
            rows=len(merged.state) - len(old),
            users=merged.state.users - old.users,
            digest=merged.state.digest.changed(old.digest, _NO_ROWS),
            old=old.digest,
            fresh=len(merged.fresh),
            replaced=merged.replaced,
            segments=segments,
        )

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            rows=self.rows + other.rows,
            users=self.users + other.users,
            digest=self.digest.changed(_NO_ROWS, other.digest),
            old=self.old.changed(_NO_ROWS, other.old),
            fresh=self.fresh + other.fresh,
            replaced=self.replaced + other.replaced,
            segments=self.segments + other.segments,
        )

    @property
    def text(self) -> str:
        """The sum as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what :attr:`text` gives."""
        raw = json.loads(text)
        segments = tuple(SegmentInfo(**info) for info in raw["segments"])
        digests = {name: RatingsDigest(**raw[name]) for name in ("digest", "old")}
        return cls(**{**raw, **digests, "segments": segments})


def as_base(
    old: DataFrame, new: DataFrame, open_store: OpenStore, generation: int, rows: int
) -> tuple[Sum, int]:
    """Merge all ratings by ranges of users, and write them as a base.

    Parameters
    ----------
    old, new
        Of :data:`~mlproject.spark.blocks.BLOCKS`: the snapshot, and what is to be merged.
    open_store, generation
        Where to, and for which generation.
    rows
        At most so many ratings there are.

    Returns
    -------
    tuple
        The sum, with the segments in the order of users; and the number of shows.
    """

    def write(batches: Batches) -> Batches:
        before, merged = _merge(batches)
        if len(merged.state):
            with open_store() as store:
                segments = write_segments(store, merged.state.ratings, generation)
            yield rows_of(_ROWS, **{c.SHOW_ID: merged.state.show_ids})
            yield one_row(
                _ROWS,
                **{
                    c.USER_ID: int(merged.state.ratings.user_id[0]),
                    _SUM: Sum.of(before, merged, segments).text,
                },
            )

    bounds = bounds_of(old.union(new), _tasks(rows))
    divided = _flagged(by_ranges(old, bounds), by_ranges(new, bounds))
    written = brought_together(divided, len(bounds) + 1).mapInArrow(write, _ROWS)
    told = f.when(f.col(_SUM).isNotNull(), f.struct(c.USER_ID, _SUM))
    found = written.agg(
        f.count_distinct(c.SHOW_ID).alias("shows"),
        f.array_sort(f.collect_list(told)).alias("sums"),
    ).collect()[0]
    return sum((Sum.read(one[_SUM]) for one in found["sums"]), Sum()), found["shows"]


def as_delta(
    old: Segments, new: DataFrame, events: int, open_store: OpenStore, generation: int
) -> tuple[Sum, int]:
    """Merge new ratings into those of their users, and write those that won as deltas.

    Parameters
    ----------
    old
        The segments of the snapshot.
    new, open_store, generation
        As :func:`as_base`.
    events
        How many ratings are new.

    Returns
    -------
    tuple
        The sum, and the number of shows of the whole snapshot.
    """

    def merge(batches: Batches) -> Batches:
        before, merged = _merge(batches)
        for part in to_blocks(merged.fresh):
            yield rows_of(_ROWS, **{BLOCK: part.column(BLOCK)})
        yield rows_of(_ROWS, **{c.SHOW_ID: np.unique(merged.fresh.show_id)})
        yield one_row(_ROWS, **{_SUM: Sum.of(before, merged).text})

    def write(batches: Batches) -> Batches:
        with open_store() as store:
            segments = write_segments(store, latest(of_blocks(batches)), generation)
        yield one_row(_ROWS, **{_SUM: Sum(segments=segments).text})

    tasks = _tasks(events + sum(info.rows for info in old.infos))
    theirs = old.blocks(_users(new) if events <= _FEW else None)
    divided = _flagged(by_hash(theirs, tasks), by_hash(new, tasks))
    merged = brought_together(divided, tasks).mapInArrow(merge, _ROWS)
    merged = merged.persist(StorageLevel.DISK_ONLY)
    try:
        total = _sum(merged.where(f.col(_SUM).isNotNull()))
        if total.fresh:
            fresh = merged.where(f.col(BLOCK).isNotNull())
            few = fresh.coalesce(-(-total.fresh // SEGMENT_ROWS))
            total += _sum(few.mapInArrow(write, _ROWS))
        shows = old.shows().union(merged.select(c.SHOW_ID).dropna()).distinct().count()
    finally:
        merged.unpersist()
    return total, shows


def _users(blocks: DataFrame) -> NDArray[np.int64]:
    """Return the users of some ratings, ascending."""

    def look(batches: Batches) -> Batches:
        yield rows_of(_ROWS, **{c.USER_ID: np.unique(of_blocks(batches).user_id)})

    found = blocks.mapInArrow(look, _ROWS).select(c.USER_ID).toArrow()
    return np.unique(found.column(c.USER_ID).to_numpy())


def _sum(rows: DataFrame) -> Sum:
    """Add up what the tasks say: a row a task."""
    return sum((Sum.read(row[_SUM]) for row in rows.select(_SUM).collect()), Sum())


def _flagged(old: DataFrame, new: DataFrame) -> DataFrame:
    return old.withColumn(_NEW, f.expr("false")).unionByName(new.withColumn(_NEW, f.expr("true")))


def _merge(batches: Batches) -> tuple[RatingsState, Merged]:
    """Merge the ratings of a task; return the old ones, and what they became."""
    parts = list(batches)
    news = [part.column(_NEW) for part in parts]
    before = of_blocks(part.filter(pc.invert(new)) for part, new in zip(parts, news, strict=True))
    come = of_blocks(part.filter(new) for part, new in zip(parts, news, strict=True))
    old = RatingsState.of(before)
    return old, old.merge(come)


def _tasks(rows: int) -> int:
    return max(1, -(-rows // _TASK_ROWS))
