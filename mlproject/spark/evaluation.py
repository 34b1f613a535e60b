"""Measures recommenders on all users; each task measures its own users as one machine would."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.ids import IdMap
from mlproject.core.interactions import HoldoutRule, Split
from mlproject.core.model import Arrays
from mlproject.spark.errors import told
from mlproject.spark.histories import split_of
from mlproject.spark.rows import flat
from mlproject.spark.training_data import TrainingData
from mlproject.training.evaluation import (
    Evaluation,
    Recommender,
    Whole,
    evaluate,
    measured_users,
    raters_of_shows,
)

Batches = Iterator[pa.RecordBatch]

_WHICH: Final = "which"
_LOOKS: Final = {"users": "long", "shows": "int", "raters": "long"}
_FIGURES: Final = {
    "users": "long",
    "lists": "int",
    "hits": "boolean",
    "relevant": "long",
    "auc": "double",
    "cold_user": "boolean",
    "cold_show_recall": "double",
}
"""The arrays of an evaluation."""


def evaluate_everyone(
    data: TrainingData, recommenders: Sequence[Recommender], split: Split, k: int
) -> list[Evaluation]:
    """Measure recommenders by all users of a snapshot, as a split of some of them says.

    Some 75 bytes a user and recommender come to the driver.

    Parameters
    ----------
    data
        The ratings of all users.
    recommenders
        They are sent to the tasks.
    split
        Its shows and its rule count, whoever its users are.
    k
        Length of the lists.

    Returns
    -------
    list of Evaluation
        In the order of the recommenders; ``users`` are ids, ascending.

    Raises
    ------
    NotEnoughDataError
        If nothing in the holdout is relevant.
    SparkFailedError
        If a job fails for a reason of Spark's own.
    TrainingError
        If the split has no rule.
    """
    if split.rule is None:
        raise TrainingError("the split has no rule by which other users' ratings are held out")
    shows, rule = split.interactions.shows, split.rule
    with told():
        ratings = data.by_user().persist(StorageLevel.DISK_ONLY)
        try:
            whole = _whole(ratings, shows, rule)
            sent = data.spark.sparkContext.broadcast((tuple(recommenders), whole))

            def measure(batches: Batches) -> Batches:
                some = split_of(batches, shows, rule)
                if not len(measured_users(some)):
                    return
                theirs, of_all = sent.value
                for which, recommender in enumerate(theirs):
                    found = evaluate(recommender(some), some, k, of_all)
                    figures = {name: getattr(found, name) for name in _FIGURES}
                    figures["users"] = some.interactions.users.ids[found.users]
                    yield _one_row({_WHICH: np.array([which])}, figures)

            rows = ratings.mapInArrow(measure, f"{_WHICH} long, {_lists_of(_FIGURES)}").toArrow()
            sent.destroy()
        finally:
            ratings.unpersist()
    parts: list[list[Evaluation]] = [[] for _ in recommenders]
    for place, which in enumerate(rows[_WHICH].to_pylist()):
        figures = {name: _values(rows, name, place) for name in _FIGURES}
        for name in ("lists", "hits"):
            figures[name] = figures[name].reshape(len(figures["users"]), -1)
        parts[which].append(Evaluation(k=k, shows=len(shows), **figures))
    return [Evaluation.joined(sorted(each, key=lambda part: part.users[0])) for each in parts]


def _whole(ratings: DataFrame, shows: IdMap, rule: HoldoutRule) -> Whole:
    """Count the raters of each show, and find who is measured."""

    def look(batches: Batches) -> Batches:
        split = split_of(batches, shows, rule)
        raters = raters_of_shows(split)
        rated = np.flatnonzero(raters)
        users = measured_users(split)
        yield _one_row(
            {}, {"users": users, "shows": rated.astype(np.int32), "raters": raters[rated]}
        )

    found = ratings.mapInArrow(look, _lists_of(_LOOKS)).toArrow()
    users = np.sort(flat(found["users"]))
    if not len(users):
        raise NotEnoughDataError(
            "no rating in the holdout is 8 or more: there is nothing to measure by"
        )
    raters = np.bincount(flat(found["shows"]), flat(found["raters"]), len(shows))
    return Whole.of(raters.astype(np.int64), users)


def _lists_of(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{name} array<{kind}>" for name, kind in kinds.items())


def _one_row(plain: Arrays, each: Arrays) -> pa.RecordBatch:
    """Return a row: values as they are, and arrays as lists."""
    lists = {
        name: pa.ListArray.from_arrays(pa.array([0, array.size], pa.int32()), array.ravel())
        for name, array in each.items()
    }
    return pa.RecordBatch.from_pydict({**plain, **lists})


def _values(rows: pa.Table, name: str, place: int) -> NDArray[Any]:
    found: NDArray[Any] = rows[name][place].values.to_numpy(zero_copy_only=False)
    return found
