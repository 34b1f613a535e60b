"""The training data on Spark: the ratings of a snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.storagelevel import StorageLevel

from mlproject.core import columns as c
from mlproject.core.errors import TrainingError
from mlproject.core.interactions import Split
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.manifest import Manifest
from mlproject.spark.blocks import bounds_of, brought_together, by_ranges
from mlproject.spark.histories import draw_users, split_histories, training_histories
from mlproject.spark.reading import OpenStore, Segments

_TASK_ROWS = 2_000_000


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A snapshot on Spark.

    Parameters
    ----------
    spark, open_store
        Where to run, and where the snapshot is.
    manifest
        The snapshot.
    """

    spark: SparkSession
    open_store: OpenStore
    manifest: Manifest

    def drawn(self, share: float) -> RatingColumns:
        """Bring the ratings of a share of the users to the driver."""
        return draw_users(self._blocks(), share)

    @contextmanager
    def histories(self, split: Split) -> Iterator[DataFrame]:
        """Hold all users' ratings in the training part, by the rule of a split of some users.

        Yields
        ------
        pyspark.sql.DataFrame
            As :func:`~mlproject.spark.histories.training_histories`.
        """
        if split.rule is None:
            raise TrainingError("the split has no rule by which other users' ratings are held out")
        shows = split.interactions.shows
        found = training_histories(self._blocks(), shows, split.rule, self._tasks)
        found.persist(StorageLevel.DISK_ONLY)
        try:
            yield found
        finally:
            found.unpersist()

    def by_user(self) -> DataFrame:
        """Return all ratings in parts, by ranges of users; of a pair the latest counts.

        Returns
        -------
        pyspark.sql.DataFrame
            With a column of :data:`~mlproject.spark.blocks.BLOCK`.
        """
        blocks = self._blocks()
        bounds = bounds_of(blocks, self._tasks)
        return brought_together(by_ranges(blocks, bounds), len(bounds) + 1)

    def of_split(self, split: Split) -> DataFrame:
        """Return what the users of a split have rated of its training part."""
        return split_histories(self.spark, split)

    def numbered(self, ids: NDArray[np.int64], name: str) -> DataFrame:
        """Send the ids of users to Spark, with their places as a column."""
        places = np.arange(len(ids), dtype=np.int32)
        return self.spark.createDataFrame(pa.table({c.USER_ID: ids, name: places}))

    @property
    def _tasks(self) -> int:
        at_least: int = self.spark.sparkContext.defaultParallelism
        return max(at_least, self.manifest.rows // _TASK_ROWS)

    def _blocks(self) -> DataFrame:
        return Segments(self.spark, self.open_store, self.manifest.segments).blocks()
