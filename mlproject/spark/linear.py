"""The linear trainer on Spark: of the same name and kind, from the ratings of all users."""

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mlproject.core.interactions import Split
from mlproject.core.model import Floats
from mlproject.spark.errors import told
from mlproject.spark.item_weights import STEPS, fit_weights
from mlproject.spark.training_data import TrainingData
from mlproject.training.item_weights import FittedWeights, LinearParams
from mlproject.training.linear import LinearTrainer


@dataclass(frozen=True)
class SparkLinearTrainer(LinearTrainer):
    """Fits on all users; the prior is chosen by those who are on the driver.

    Parameters
    ----------
    neighbours, ridge, dropout, prior, fewest_raters, seed
        As :class:`~mlproject.training.linear.LinearTrainer` has them.
    data
        The snapshot on Spark.
    """

    data: InitVar[TrainingData]

    def __post_init__(self, data: TrainingData) -> None:
        # No field, since the fields are logged as what makes a recipe.
        self.__dict__["data"] = data

    @property
    def _data(self) -> TrainingData:
        return cast("TrainingData", self.__dict__["data"])

    @property
    def epochs(self) -> int:
        """Steps of the fit."""
        return STEPS

    def _weights(
        self,
        split: Split,
        popularity: Floats,
        params: LinearParams,
        on_epoch: Callable[[int], None],
    ) -> tuple[FittedWeights, NDArray[np.int64]]:
        with told(), self._data.histories(split) as histories:
            return fit_weights(histories, popularity, params, on_epoch)
