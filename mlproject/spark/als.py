"""The ``als`` trainer: vectors by Spark's alternating least squares, for any number of users.

Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008,
as ``pyspark.ml.recommendation.ALS`` has it. As with LightFM a version has no users: the map
from a history to a taste is learned from vectors of users, of those who are on the driver.
"""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any, ClassVar, Final, cast

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from scipy import sparse

from mlproject.core import columns as c
from mlproject.core.errors import NotEnoughDataError
from mlproject.core.interactions import Split
from mlproject.models.factors import Factors
from mlproject.spark.errors import told
from mlproject.spark.histories import SHOWS, WEIGHTS
from mlproject.spark.rows import flat
from mlproject.spark.training_data import TrainingData
from mlproject.training.folded import folded
from mlproject.training.lightfm_fit import FittedVectors
from mlproject.training.popular_bias import choose_popular_share, with_popularity
from mlproject.training.popularity import popular_now
from mlproject.training.trainer import Fitted
from mlproject.training.validation import cut_validation

_USER, _SHOW, _WEIGHT, _PART = "user", "show", "weight", "part"
_STEPS: Final = 2
_PLACE_BITS: Final = 33
"""Of :func:`pyspark.sql.functions.monotonically_increasing_id`: the row within its part."""


@dataclass(frozen=True)
class AlsTrainer:
    """Fits ALS on the positives of all users.

    Parameters
    ----------
    dimensions
        Length of the vectors.
    iterations
        Of ALS.
    alpha
        How much more a positive of weight 1 counts than a show that is not rated.
    l2
        Penalty on the vectors.
    fewest_raters
        Shows with fewer take no part.
    seed
        Of the initial vectors.
    data
        The snapshot on Spark.
    """

    name: ClassVar[str] = "als"

    dimensions: int
    iterations: int
    alpha: float
    l2: float
    fewest_raters: int
    seed: int
    data: InitVar[TrainingData]

    def __post_init__(self, data: TrainingData) -> None:
        # No field, since the fields are logged as what makes a recipe.
        self.__dict__["data"] = data

    @property
    def _data(self) -> TrainingData:
        return cast("TrainingData", self.__dict__["data"])

    @property
    def epochs(self) -> int:
        """Fits: of the users on the driver without a slice, and of all."""
        return _STEPS

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Learn vectors, and choose on a slice how much popularity to add.

        Raises
        ------
        NotEnoughDataError
            If too little in the training part is a positive.
        SparkFailedError
            If a job fails.
        TrainingError
            If the fit does not end in finite numbers.
        """
        validation = cut_validation(split, self.seed)
        share = 0.0
        if validation.tells:
            inner = validation.split
            histories = self._data.of_split(inner)
            model = folded(inner, metadata, self._vectors(histories, inner), self.seed)
            share = choose_popular_share(model, popular_now(inner, half_life_days), validation)
        on_epoch(1)
        found = {"popular_share": share}
        return Fitted(self.refit(split, metadata, half_life_days, found, on_epoch), found)

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        found: Mapping[str, float],
        on_epoch: Callable[[int], None],
    ) -> Factors:
        """Learn vectors, and add the share of popularity that was found.

        Raises
        ------
        NotEnoughDataError, SparkFailedError, TrainingError
            As in :meth:`fit`.
        """
        with told(), self._data.histories(split) as histories:
            fitted = self._vectors(histories, split)
        on_epoch(_STEPS)
        model = folded(split, metadata, fitted, self.seed)
        return with_popularity(model, popular_now(split, half_life_days), found["popular_share"])

    def _vectors(self, histories: DataFrame, split: Split) -> FittedVectors:
        """Fit; of the users return the vectors of those of the split."""
        with told():
            numbered = _numbered(histories)
            positives = _positives(numbered, self.fewest_raters).cache()
            if positives.isEmpty():
                raise NotEnoughDataError(
                    f"no show has {self.fewest_raters} raters who like it; rate more"
                )
            model = ALS(
                rank=self.dimensions,
                maxIter=self.iterations,
                regParam=self.l2,
                alpha=self.alpha,
                implicitPrefs=True,
                userCol=_USER,
                itemCol=_SHOW,
                ratingCol=_WEIGHT,
                seed=self.seed,
            ).fit(positives)
            data = split.interactions
            shows = _laid_out(model.itemFactors, len(data.shows), self.dimensions)
            took_part = np.zeros(len(data.shows), dtype=np.bool_)
            took_part[model.itemFactors.select("id").toArrow()["id"].to_numpy()] = True
            here = self._data.numbered(data.users.ids, "row")
            wanted = numbered.select(c.USER_ID, f.col(_USER).alias("id")).join(here, c.USER_ID)
            users = model.userFactors.join(wanted, "id").select(
                f.col("row").alias("id"), "features"
            )
            found = FittedVectors(
                show_vectors=shows,
                show_biases=np.zeros(len(data.shows), dtype=np.float32),
                took_part=took_part,
                user_vectors=_laid_out(users, len(data.users), self.dimensions),
                epochs=self.iterations,
            )
            positives.unpersist()
        return found


def _numbered(histories: DataFrame) -> DataFrame:
    """Give the users numbers from 0 on: ids of ALS have 32 bits, those of users have 64.

    The number is a row's place in its part, after the rows of the parts before.
    """
    place = f.monotonically_increasing_id()
    placed = histories.withColumn(_PART, f.shiftright(place, _PLACE_BITS)).withColumn(
        _USER, place.bitwiseAND(f.lit((1 << _PLACE_BITS) - 1))
    )
    counts = placed.groupBy(_PART).agg(f.max(_USER).alias(_USER)).sort(_PART).collect()
    before, starts = 0, list[Any]()
    for row in counts:
        starts += (f.lit(row[_PART]), f.lit(before))
        before += row[_USER] + 1
    if not starts:
        raise NotEnoughDataError("nobody has rated anything; there is nothing to train on")
    start = f.create_map(*starts)[f.col(_PART)]
    return placed.withColumn(_USER, (f.col(_USER) + start).cast("int")).drop(_PART)


def _positives(numbered: DataFrame, fewest: int) -> DataFrame:
    """Return user, show and weight of each positive of the shows that take part."""
    rated = f.explode(f.arrays_zip(SHOWS, WEIGHTS)).alias("rated")
    positives = (
        numbered.select(_USER, rated)
        .select(
            _USER, f.col(f"rated.{SHOWS}").alias(_SHOW), f.col(f"rated.{WEIGHTS}").alias(_WEIGHT)
        )
        .where(f.col(_WEIGHT) > 0)
    )
    enough = positives.groupBy(_SHOW).count().where(f.col("count") >= fewest)
    return positives.join(enough, _SHOW, "left_semi")


def _laid_out(factors: DataFrame, rows: int, dimensions: int) -> NDArray[np.float32]:
    """Return vectors by their ids, float32, shape ``(rows, dimensions)``; 0 where there is none."""
    found = factors.select("id", "features").toArrow()
    vectors = np.zeros((rows, dimensions), dtype=np.float32)
    vectors[found["id"].to_numpy()] = flat(found["features"]).reshape(-1, dimensions)
    return vectors
