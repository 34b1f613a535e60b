"""Trainers, here and on Spark, and what they are told."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from mlproject.bootstrap.base import Base, properties_in
from mlproject.config import Settings
from mlproject.core.cancel import ShouldStop, never
from mlproject.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from pyspark.sql import SparkSession

    from mlproject.core.ports import ObjectStore
    from mlproject.pipelines.build import Competitors
    from mlproject.pipelines.spark_dataset import SparkLoads
    from mlproject.pipelines.train import TrainParams
    from mlproject.spark.reading import OpenStore
    from mlproject.spark.training_data import TrainingData
    from mlproject.training.trainer import Trainer


TRAINERS: Final = ("lightfm", "linear", "popularity")
SPARK_TRAINERS: Final = ("als", "linear")


@contextmanager
def opened_store(settings: Settings) -> Iterator[ObjectStore]:
    """Open the store of some settings, as the tasks of a Spark job do on their machines."""
    with Base(settings) as base:
        yield base.store


@contextmanager
def _pyspark() -> Iterator[None]:
    """Say how PySpark is installed, if what is imported lacks it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            "PySpark is not installed; `pip install 'tvrec[spark]'`, or `make spark`, does it"
        ) from error


class TrainingPart(Base):
    """What trains."""

    def trainer(self, name: str) -> Trainer:
        """Return the trainer of a name, one of :data:`TRAINERS`.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        if name not in TRAINERS:
            raise ConfigError(f"there is no trainer {name!r}; there are {', '.join(TRAINERS)}")
        from mlproject.pipelines.trainers import MADE

        return MADE[name](self.settings)

    @property
    def competitors(self) -> Competitors:
        """The trainers of a cycle by the alias that they compete for."""
        from mlproject.pipelines.trainers import competing

        both = {name: self.trainer(name) for name in ("lightfm", "linear")}
        return competing(self.settings.promote, both)

    @property
    def train_params(self) -> TrainParams:
        """What a training is told beside the trainer's own settings."""
        from mlproject.pipelines.train import TrainParams
        from mlproject.registry.gate import Rules

        settings = self.settings
        return TrainParams(
            seed=settings.seed,
            half_life_days=settings.popularity_half_life,
            holdout=settings.holdout,
            split=settings.split,
            k=settings.k,
            rules=Rules(margin=settings.margin),
            refit=settings.refit,
        )

    def spark(
        self, name: str, should_stop: ShouldStop = never
    ) -> AbstractContextManager[SparkSession]:
        """Return what opens a session of Spark, whose jobs are cancelled once it is to stop.

        Raises
        ------
        ConfigError
            If PySpark is not installed.
        """
        with _pyspark():
            from mlproject.spark.session import session
        conf = properties_in(self.settings.spark_conf)
        return session(name, self.settings.spark_master, conf, should_stop)

    @property
    def open_store(self) -> OpenStore:
        """What opens the store on any machine of a Spark cluster."""
        return partial(opened_store, self.settings)

    def spark_trainer(self, name: str, data: TrainingData) -> Trainer:
        """Return the trainer of a name, one of :data:`SPARK_TRAINERS`.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        if name not in SPARK_TRAINERS:
            known = ", ".join(SPARK_TRAINERS)
            raise ConfigError(f"there is no trainer {name!r} on Spark; {known} are")
        from mlproject.spark.trainers import MADE

        return MADE[name](self.settings, data)

    def spark_loads(self, should_stop: ShouldStop = never) -> SparkLoads:
        """Return what loads the datasets of the builder on Spark.

        ``als`` trains there where on one machine ``lightfm`` does: its models are of the same
        kind.

        Parameters
        ----------
        should_stop
            As :meth:`spark` has it.

        Raises
        ------
        ConfigError
            If PySpark is not installed.
        """
        with _pyspark():
            from mlproject.pipelines.spark_dataset import SparkLoads
        from mlproject.pipelines.trainers import competing

        def competitors(data: TrainingData) -> Competitors:
            als, linear = (self.spark_trainer(name, data) for name in SPARK_TRAINERS)
            return competing(self.settings.promote, {"lightfm": als, "linear": linear})

        return SparkLoads(
            self.store,
            self.open_store,
            partial(self.spark, "tvrec build", should_stop),
            competitors,
            most_users=self.settings.spark_users,
            min_known=self.settings.min_known,
        )
