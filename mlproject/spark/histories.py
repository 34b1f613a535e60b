"""The training part of the snapshot on Spark: one row per user, with their ratings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from scipy import sparse

from mlproject.core import columns as c
from mlproject.core.hashing import pair_uniform
from mlproject.core.histories import Histories
from mlproject.core.ids import IdMap
from mlproject.core.interactions import HoldoutRule, Split
from mlproject.core.preferences import history_weights
from mlproject.core.rating_columns import RatingColumns
from mlproject.dataset.matrices import of_shows
from mlproject.snapshot.latest import latest
from mlproject.spark.blocks import BLOCK, BLOCKS, brought_together, by_hash, of_blocks, to_blocks

SHOWS: Final = "show_rows"
WEIGHTS: Final = "weights"
_HISTORY_ROWS: Final = f"{c.USER_ID} long, {SHOWS} array<int>, {WEIGHTS} array<float>"
_USERS_AT_ONCE: Final = 10_000
_DRAWN: Final = 0x7476


def training_histories(blocks: DataFrame, shows: IdMap, rule: HoldoutRule, tasks: int) -> DataFrame:
    """Return each user's ratings in the training part.

    Parameters
    ----------
    blocks
        Of :data:`~mlproject.spark.blocks.BLOCKS`; of a pair the latest counts.
    shows
        The shows of the catalogue; others are left out.
    rule
        What holds ratings out.
    tasks
        Parts in which they are brought together by users.

    Returns
    -------
    pyspark.sql.DataFrame
        ``user_id``, ``show_rows`` and ``weights``: rows of ``shows``, and
        :func:`~mlproject.core.preferences.history_weights`. Users without any are left out.
        Each part is sorted by user.
    """

    def lay_out(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        split = split_of(batches, shows, rule)
        users = split.interactions.users.ids
        histories = split.interactions.histories(~split.held_out, history_weights())
        for start in range(0, len(histories), _USERS_AT_ONCE):
            some = np.arange(start, min(start + _USERS_AT_ONCE, len(histories)))
            yield _as_arrow(users[some], histories.take(some))

    by_user = brought_together(by_hash(blocks, tasks), tasks)
    laid_out = by_user.mapInArrow(lay_out, _HISTORY_ROWS)
    return laid_out.where(f.size(SHOWS) > 0)


def split_of(batches: Iterable[pa.RecordBatch], shows: IdMap, rule: HoldoutRule) -> Split:
    """Divide the ratings of some users, which a task has; of a pair the latest counts."""
    data, _ = of_shows(latest(of_blocks(batches)), shows)
    return Split(data, rule.held_out(data), rule=rule)


def split_histories(spark: SparkSession, split: Split) -> DataFrame:
    """Send what the users of a split have rated of its training part to Spark.

    Returns
    -------
    pyspark.sql.DataFrame
        As :func:`training_histories`.
    """
    data = split.interactions
    found = data.histories(~split.held_out, history_weights())
    sent = pa.Table.from_batches([_as_arrow(data.users.ids, found)])
    return spark.createDataFrame(sent).where(f.size(SHOWS) > 0)


def draw_users(blocks: DataFrame, share: float) -> RatingColumns:
    """Bring the ratings of a share of the users to the driver; the same users each time.

    Parameters
    ----------
    blocks
        Of :data:`~mlproject.spark.blocks.BLOCKS`.
    share
        From 0 to 1; a larger one draws the same users and more.
    """

    def draw(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        ratings = of_blocks(batches)
        users = ratings.user_id
        yield from to_blocks(
            ratings.take(pair_uniform(users, np.zeros_like(users), _DRAWN) < share)
        )

    chosen = blocks if share >= 1 else blocks.mapInArrow(draw, BLOCKS)
    return latest(of_blocks(chosen.select(BLOCK).toArrow().to_batches()))


def matrix_of(batches: Sequence[pa.RecordBatch], shows: int) -> sparse.csr_array:
    """Return histories as a matrix, float32, shape ``(users, shows)``."""
    lengths, columns, values = [np.zeros(1, np.int64)], [], []
    for batch in batches:
        rows, weights = batch.column(SHOWS), batch.column(WEIGHTS)
        lengths.append(np.diff(rows.offsets.to_numpy()))
        columns.append(rows.flatten().to_numpy())
        values.append(weights.flatten().to_numpy())
    indptr = np.concatenate(lengths).cumsum()
    data = np.concatenate(values) if values else np.empty(0, np.float32)
    indices = np.concatenate(columns) if columns else np.empty(0, np.int32)
    return sparse.csr_array((data, indices, indptr), shape=(len(indptr) - 1, shows))


def _as_arrow(users: NDArray[np.int64], histories: Histories) -> pa.RecordBatch:
    offsets = pa.array(histories.indptr.astype(np.int32))
    return pa.RecordBatch.from_pydict(
        {
            c.USER_ID: pa.array(users),
            SHOWS: pa.ListArray.from_arrays(offsets, pa.array(histories.show_rows)),
            WEIGHTS: pa.ListArray.from_arrays(offsets, pa.array(histories.weights)),
        }
    )
