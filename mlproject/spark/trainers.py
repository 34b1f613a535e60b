"""The trainers on Spark as the settings want them."""

from collections.abc import Callable, Mapping
from typing import Final

from mlproject.config import Settings
from mlproject.spark.als import AlsTrainer
from mlproject.spark.linear import SparkLinearTrainer
from mlproject.spark.training_data import TrainingData
from mlproject.training.trainer import Trainer


def als(settings: Settings, data: TrainingData) -> Trainer:
    """Return the trainer of ALS."""
    return AlsTrainer(
        dimensions=settings.dimensions,
        iterations=settings.als_iterations,
        alpha=settings.als_alpha,
        l2=settings.als_l2,
        fewest_raters=settings.fewest_raters,
        seed=settings.seed,
        data=data,
    )


def linear(settings: Settings, data: TrainingData) -> Trainer:
    """Return the trainer of the sparse linear model."""
    return SparkLinearTrainer(
        neighbours=settings.neighbours,
        ridge=settings.ridge,
        dropout=settings.dropout,
        prior=settings.prior,
        fewest_raters=settings.fewest_raters,
        seed=settings.seed,
        data=data,
    )


MADE: Final[Mapping[str, Callable[[Settings, TrainingData], Trainer]]] = {
    "als": als,
    "linear": linear,
}
"""Each by its name."""
