"""Ratings go through blocks unchanged, and each of a user's to the same task."""

import ast
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from mlproject.spark.blocks import (
    BLOCKS,
    Batches,
    bounds_of,
    brought_together,
    by_hash,
    by_ranges,
    of_blocks,
    pieces,
    to_blocks,
)
from tests.rating_rows import ROWS, Row, columns, rows

TASKS = 4
USERS = 499


@given(given_rows=ROWS)
def test_ratings_go_through_blocks_unchanged(given_rows: list[Row]) -> None:
    assert rows(of_blocks(to_blocks(columns(given_rows)))) == given_rows


@given(given_rows=ROWS, data=st.data())
def test_pieces_are_the_rows_of_their_parts_in_order(
    given_rows: list[Row], data: st.DataObject
) -> None:
    parts = [data.draw(st.integers(0, TASKS - 1)) for _ in given_rows]
    filled, cut = pieces(columns(given_rows), np.array(parts, dtype=np.int32))
    found = dict(zip(filled.tolist(), map(rows, cut), strict=True))
    wanted = {
        part: [row for row, its in zip(given_rows, parts, strict=True) if its == part]
        for part in set(parts)
    }
    assert found == wanted


def parts_of(divided: DataFrame) -> list[list[Row]]:
    """Return what each task has."""

    def look(batches: Batches) -> Batches:
        yield pa.RecordBatch.from_pydict({"found": [str(rows(of_blocks(batches)))]})

    told = brought_together(divided, TASKS).mapInArrow(look, "found string").collect()
    return [ast.literal_eval(row["found"]) for row in told]


@pytest.mark.parametrize("kind", ["by hash", "by ranges"])
def test_each_task_has_all_ratings_of_its_users(spark: SparkSession, kind: str) -> None:
    made = [(place * 7919 % USERS, place, 5, place, 1, place) for place in range(40_000)]
    sent = pa.Table.from_batches(to_blocks(columns(made)))
    blocks = spark.createDataFrame(sent, BLOCKS).repartition(3)
    by_range = by_ranges(blocks, bounds_of(blocks, TASKS))
    found = parts_of(by_hash(blocks, TASKS) if kind == "by hash" else by_range)
    assert sorted(row for part in found for row in part) == sorted(made)
    users = [{row[0] for row in part} for part in found]
    assert all(users)
    assert sum(map(len, users)) == USERS
    if kind == "by ranges":
        assert all(max(low) < min(high) for low, high in pairwise(users))
