"""Batches and segments as data frames: each task reads objects through our own store."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from mlproject.batches.fetching import fetch
from mlproject.batches.listing import Found, slices
from mlproject.batches.progress import Delay, Progress, Totals, Watermark
from mlproject.core import columns as c
from mlproject.core.forgotten import Forgotten
from mlproject.core.ids import UNKNOWN_ROW, IdMap
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.manifest import SegmentInfo
from mlproject.snapshot.switch import read_segment
from mlproject.spark.blocks import BLOCKS, to_blocks
from mlproject.spark.rows import one_row

OpenStore = Callable[[], AbstractContextManager[ObjectStore]]
"""Opens the store, on any machine of the cluster."""

PROGRESS: Final = "progress"
BATCH_ROWS: Final = StructType([*BLOCKS, StructField(PROGRESS, StringType())])
"""Blocks; the last row of each task has none, and has the counts of what was read."""

_TASK_BYTES: Final = 32 << 20
_TASK_BATCHES: Final = 256
_THREADS: Final = 8


def batch_rows(
    spark: SparkSession, open_store: OpenStore, found: Sequence[Found], forgotten: Forgotten
) -> DataFrame:
    """Read batches with the checks of one machine; what is bad goes into quarantine.

    To write into quarantine again writes the same, so a task may run twice.

    Parameters
    ----------
    spark, open_store
        Where to run, and where the batches are.
    found
        Which ones; those of a partition in the order of offsets.
    forgotten
        Whose ratings do not count.

    Returns
    -------
    pyspark.sql.DataFrame
        Of :data:`BATCH_ROWS`.
    """
    together = list(slices(found, _TASK_BATCHES, _TASK_BYTES))

    def read(ids: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with open_store() as store, ThreadPoolExecutor(_THREADS) as pool:
            for place in _numbers(ids):
                fetched = fetch(store, together[place], pool, forgotten)
                for rows in to_blocks(fetched.ratings):
                    yield rows.append_column(PROGRESS, pa.nulls(len(rows), pa.string()))
                told = json.dumps({"slice": place, **_plain(fetched.progress)})
                yield one_row(BATCH_ROWS, **{PROGRESS: told})

    tasks = spark.range(len(together), numPartitions=len(together))
    return tasks.mapInArrow(read, BATCH_ROWS)


def progress_of(rows: DataFrame) -> Progress:
    """Join what the tasks of :func:`batch_rows` say: a row a task."""
    told = rows.select(PROGRESS).where(rows[PROGRESS].isNotNull()).collect()
    parts = sorted((json.loads(row[PROGRESS]) for row in told), key=lambda part: part["slice"])
    return Progress.joined(map(_progress, parts))


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments of the snapshot, read by a task each; deltas may hold pairs of the base again.

    Parameters
    ----------
    spark, open_store
        Where to run, and where the segments are.
    infos
        Which ones.
    """

    spark: SparkSession
    open_store: OpenStore
    infos: Sequence[SegmentInfo]

    def blocks(self, users: NDArray[np.int64] | None = None) -> DataFrame:
        """Read the ratings, or those of some users, ascending.

        Returns
        -------
        pyspark.sql.DataFrame
            Of :data:`~mlproject.spark.blocks.BLOCKS`.
        """
        wanted = None if users is None else IdMap(users)

        def read(ratings: RatingColumns) -> Iterator[pa.RecordBatch]:
            if wanted is not None:
                ratings = ratings.take(wanted.rows(ratings.user_id) != UNKNOWN_ROW)
            return to_blocks(ratings)

        return self._read(read, BLOCKS)

    def shows(self) -> DataFrame:
        """Read the shows of each segment, ``show_id``; of several segments some come again."""

        def read(ratings: RatingColumns) -> Iterator[pa.RecordBatch]:
            yield pa.RecordBatch.from_pydict({c.SHOW_ID: np.unique(ratings.show_id)})

        return self._read(read, f"{c.SHOW_ID} long")

    def _read(
        self,
        made: Callable[[RatingColumns], Iterator[pa.RecordBatch]],
        schema: StructType | str,
    ) -> DataFrame:
        open_store, infos = self.open_store, self.infos

        def read(ids: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            with open_store() as store:
                for place in _numbers(ids):
                    yield from made(read_segment(store, infos[place]))

        tasks = self.spark.range(len(infos), numPartitions=max(1, len(infos)))
        return tasks.mapInArrow(read, schema)


def _numbers(ids: Iterator[pa.RecordBatch]) -> Iterator[int]:
    for batch in ids:
        yield from batch.column(0).to_pylist()


def _plain(progress: Progress) -> dict[str, object]:
    return {
        "watermarks": {number: asdict(mark) for number, mark in progress.watermarks.items()},
        "totals": asdict(progress.totals),
        "unreadable": sorted(progress.unreadable),
        "delay": asdict(progress.delay),
    }


def _progress(plain: dict[str, Any]) -> Progress:
    marks = {int(number): Watermark(**mark) for number, mark in plain["watermarks"].items()}
    totals, delay = Totals(**plain["totals"]), Delay(**plain["delay"])
    return Progress(marks, totals, frozenset(plain["unreadable"]), delay)
