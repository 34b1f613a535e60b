"""The linear model's weights between shows, from ``G = X.T @ X`` as a sum over users.

The formula and its steps are those of :mod:`mlproject.training.item_weights`. Each part of
the users gives its products of shows, which are summed row by row of ``G``; a row finds its
show's neighbours and gives every regression that asks for it its part; a task solves some
regressions. Rows of ``G`` stay on the executors. The driver holds what is as large as the
model: neighbours and weights.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.storagelevel import StorageLevel
from scipy import sparse
from threadpoolctl import threadpool_limits

from mlproject.spark.histories import SHOWS, WEIGHTS, matrix_of
from mlproject.spark.rows import flat, lists
from mlproject.training.item_weights import (
    FittedWeights,
    Floats,
    LinearParams,
    Neighbours,
    Parts,
    laid_out,
    learned,
    nearest,
    solved,
)

Batches = Iterator[pa.RecordBatch]

_ROW, _COLUMNS, _VALUES, _BLOCK = "row", "columns", "values", "block"
_GRAM_ROWS: Final = f"{_ROW} int, {_COLUMNS} array<int>, {_VALUES} array<float>"
_NEAREST_ROWS: Final = f"{_ROW} int, {_COLUMNS} array<int>"
_PART_ROWS: Final = "of long, at long, system array<float>, target float"
_WEIGHT_ROWS: Final = f"{_ROW} long, {_VALUES} array<float>"

_ENTRIES: Final = 1 << 22
"""Numbers of ``G`` that are summed together: 16 MB."""
_BLOCKS_A_TASK: Final = 4
_SYSTEMS: Final = 1 << 24
"""Numbers of the systems that a task solves."""


def fit_weights(
    histories: DataFrame,
    popularity: Floats,
    params: LinearParams,
    on_step: Callable[[int], None] = lambda _: None,
) -> tuple[FittedWeights, NDArray[np.int64]]:
    """Fit the weights between all shows that enough users have rated.

    Parameters
    ----------
    histories
        Of :func:`~mlproject.spark.histories.training_histories`, persisted.
    popularity, params
        As in :func:`mlproject.training.item_weights.fit_weights`.
    on_step
        Called after each of :data:`STEPS` steps; may raise to stop the fit.

    Returns
    -------
    tuple
        The weights, and the number of raters of each show.

    Raises
    ------
    NotEnoughDataError, TrainingError
        As there.
    """
    raters, squares = _counted(histories, len(popularity))
    chosen = learned(raters, params)
    diagonal = squares[chosen].astype(np.float32)
    on_step(1)
    gram = _gram(histories, chosen, len(popularity)).persist(StorageLevel.DISK_ONLY)
    try:
        neighbours = _nearest(gram, diagonal, params.most_neighbours(len(chosen)))
        on_step(2)
        values = _regressions(gram, diagonal, neighbours, params)
        on_step(3)
    finally:
        gram.unpersist()
    return laid_out(chosen, neighbours, values, popularity, params), raters


STEPS: Final = 3


def _counted(histories: DataFrame, shows: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count the raters of each show, and sum the squares of their weights."""
    rated = histories.select(f.explode(f.arrays_zip(SHOWS, WEIGHTS)).alias("rated")).select(
        f.col(f"rated.{SHOWS}").alias(_ROW),
        f.col(f"rated.{WEIGHTS}").cast("double").alias("weight"),
    )
    found = (
        rated.where("weight > 0")
        .groupBy(_ROW)
        .agg(f.count("*").alias("raters"), f.sum(f.col("weight") ** 2).alias("squares"))
        .toArrow()
    )
    raters, squares = np.zeros(shows, np.int64), np.zeros(shows)
    rows = found[_ROW].to_numpy()
    raters[rows], squares[rows] = found["raters"].to_numpy(), found["squares"].to_numpy()
    return raters, squares


def _gram(histories: DataFrame, chosen: NDArray[np.int32], shows: int) -> DataFrame:
    """Return the rows of ``G`` between the chosen shows, each once, its columns ascending."""
    size = len(chosen)
    rows_a_block = max(1, _ENTRIES // size)

    def multiply(batches: Batches) -> Batches:
        users = matrix_of(list(batches), shows)
        users.eliminate_zeros()
        users = sparse.csr_array(users[:, chosen])
        liked = sparse.csr_array(users.T)
        for start in range(0, size, rows_a_block):
            yield from _rows(start, sparse.csr_array(liked[start : start + rows_a_block] @ users))

    def add(batches: Batches) -> Batches:
        sums: dict[int, Floats] = {}
        for batch in batches:
            for row, columns, values in _entries(batch):
                block, place = divmod(row, rows_a_block)
                if block not in sums:
                    sums[block] = np.zeros((rows_a_block, size), dtype=np.float32)
                sums[block][place, columns] += values
        for block in sorted(sums):
            yield from _rows(block * rows_a_block, sparse.csr_array(sums.pop(block)))

    tasks = max(1, -(-size // rows_a_block // _BLOCKS_A_TASK))
    products = histories.mapInArrow(multiply, _GRAM_ROWS)
    by_block = products.repartition(tasks, f.floor(f.col(_ROW) / rows_a_block))
    return by_block.mapInArrow(add, _GRAM_ROWS)


def _nearest(gram: DataFrame, diagonal: Floats, count: int) -> Neighbours:
    """Return the nearest shows of each, int32, shape ``(shows, count)``."""

    def choose(batches: Batches) -> Batches:
        for batch in batches:
            rows = batch.column(_ROW).to_numpy()
            found = nearest(rows, _block(batch, len(diagonal)), diagonal, count)
            yield pa.RecordBatch.from_pydict({_ROW: batch.column(_ROW), _COLUMNS: lists(found)})

    found = gram.mapInArrow(choose, _NEAREST_ROWS).toArrow()
    neighbours = np.empty((len(diagonal), count), dtype=np.int32)
    neighbours[found[_ROW].to_numpy()] = flat(found[_COLUMNS]).reshape(-1, count)
    return neighbours


def _regressions(
    gram: DataFrame, diagonal: Floats, neighbours: Neighbours, params: LinearParams
) -> Floats:
    """Return the weights on the neighbours of each show, shape ``(shows, count)``."""
    size, count = neighbours.shape
    shows = np.arange(size)

    def take_apart(batches: Batches) -> Batches:
        parts = Parts(shows, neighbours, size)
        for batch in batches:
            for row, columns, values in _entries(batch):
                part = parts.of(row, columns, values)
                yield pa.RecordBatch.from_pydict(
                    {
                        "of": pa.array(part.of),
                        "at": pa.array(part.at),
                        "system": lists(part.systems),
                        "target": pa.array(part.targets),
                    }
                )

    def solve(batches: Batches) -> Batches:
        parts = pa.Table.from_batches(list(batches), schema=_PART_SCHEMA)
        if not len(parts):
            return
        wanted, of = np.unique(parts["of"].to_numpy(), return_inverse=True)
        at = parts["at"].to_numpy()
        systems = np.empty((len(wanted), count, count), dtype=np.float32)
        targets = np.empty((len(wanted), count), dtype=np.float32)
        systems[of, at] = flat(parts["system"]).reshape(-1, count)
        targets[of, at] = parts["target"].to_numpy()
        with threadpool_limits(1):
            weights = solved(systems, targets, diagonal[neighbours[wanted]], params)
        yield pa.RecordBatch.from_pydict({_ROW: pa.array(wanted), _VALUES: lists(weights)})

    tasks = max(1, -(-size * count**2 // _SYSTEMS))
    parts = gram.mapInArrow(take_apart, _PART_ROWS).repartition(tasks, "of")
    found = parts.mapInArrow(solve, _WEIGHT_ROWS).toArrow()
    weights = np.empty((size, count), dtype=np.float32)
    weights[found[_ROW].to_numpy()] = flat(found[_VALUES]).reshape(-1, count)
    return weights


_PART_SCHEMA: Final = pa.schema(
    [
        ("of", pa.int64()),
        ("at", pa.int64()),
        ("system", pa.list_(pa.float32())),
        ("target", pa.float32()),
    ]
)


def _rows(start: int, block: sparse.csr_array) -> Batches:
    """Yield rows of ``G`` from ``start`` on that are not empty."""
    block.sort_indices()
    filled = np.flatnonzero(np.diff(block.indptr))
    if not len(filled):
        return
    offsets = pa.array(np.append(block.indptr[filled], block.indptr[-1]).astype(np.int32))
    yield pa.RecordBatch.from_pydict(
        {
            _ROW: pa.array((start + filled).astype(np.int32)),
            _COLUMNS: pa.ListArray.from_arrays(offsets, pa.array(block.indices.astype(np.int32))),
            _VALUES: pa.ListArray.from_arrays(offsets, pa.array(block.data.astype(np.float32))),
        }
    )


def _entries(batch: pa.RecordBatch) -> Iterator[tuple[int, NDArray[np.int32], Floats]]:
    """Yield row, columns and values of rows of ``G``."""
    columns, values = batch.column(_COLUMNS), batch.column(_VALUES)
    offsets = columns.offsets.to_numpy()
    at, weights = columns.values.to_numpy(), values.values.to_numpy()
    for place, row in enumerate(batch.column(_ROW).to_pylist()):
        entries = slice(offsets[place], offsets[place + 1])
        yield row, at[entries], weights[entries]


def _block(batch: pa.RecordBatch, size: int) -> sparse.csr_array:
    """Return rows of ``G`` as a matrix, shape ``(rows, size)``."""
    columns, values = flat(batch.column(_COLUMNS)), flat(batch.column(_VALUES))
    offsets = batch.column(_COLUMNS).offsets.to_numpy()
    return sparse.csr_array((values, columns, offsets - offsets[0]), shape=(len(batch), size))
