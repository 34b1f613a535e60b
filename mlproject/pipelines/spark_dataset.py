"""The data to train on with Spark, and the part of it that the driver uses."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from pyspark.sql import SparkSession

from mlproject.batches.listing import new_batches
from mlproject.catalogue.stored import read_catalogue
from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ports import ObjectStore
from mlproject.pipelines.build import Competitors
from mlproject.pipelines.dataset import Dataset, dataset_of
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import read_manifest
from mlproject.spark.errors import told
from mlproject.spark.evaluation import evaluate_everyone
from mlproject.spark.ingest import ingest
from mlproject.spark.reading import OpenStore
from mlproject.spark.training_data import TrainingData


def load_on_spark(
    spark: SparkSession,
    store: ObjectStore,
    open_store: OpenStore,
    *,
    most_users: int,
    min_known: float = 0.0,
) -> tuple[TrainingData, Dataset]:
    """Bring the snapshot up to date, and draw users from it.

    Parameters
    ----------
    spark
        Where to run.
    store, open_store
        Where batches, snapshot and catalogue are, here and in tasks.
    most_users
        About so many users come to the driver; each time the same, and more if there are more.
    min_known
        As in :func:`~mlproject.pipelines.dataset.load_dataset`.

    Returns
    -------
    tuple
        The ratings of all users on Spark, and those of the drawn users here; if these are not
        all, the dataset measures by all on Spark.

    Raises
    ------
    CatalogueError, NotEnoughDataError, AlreadyRunningError
        As :func:`~mlproject.pipelines.dataset.load_dataset`.
    SparkFailedError
        If a job fails for a reason of Spark's own.
    """
    report = ingest(spark, open_store)
    manifest = read_manifest(store).manifest
    if manifest is None:
        raise NotEnoughDataError(
            f"there are no batches in {store.uri} yet; `tvrec generate-ratings` sends some"
        )
    data = TrainingData(spark, open_store, manifest)
    share = min(1.0, most_users / max(1, manifest.users))
    with told():
        state = RatingsState.of(data.drawn(share))
    dataset = dataset_of(store, state, report, manifest.digest, min_known=min_known, share=share)
    if share < 1:
        dataset = replace(dataset, evaluate=partial(evaluate_everyone, data))
    return data, dataset


@dataclass(slots=True)
class SparkLoads:
    """Loads the datasets of a builder, one after the other.

    Checking for new batches lists one page of each partition; a session, with its executors, is
    opened only if there are any.

    Parameters
    ----------
    store, open_store
        As in :func:`load_on_spark`.
    open_session
        Opens a session of Spark.
    competitors
        Makes what trains on a snapshot, by the alias that its models compete for.
    most_users, min_known
        As in :func:`load_on_spark`.
    """

    store: ObjectStore
    open_store: OpenStore
    open_session: Callable[[], AbstractContextManager[SparkSession]]
    competitors: Callable[[TrainingData], Competitors]
    most_users: int
    min_known: float
    _last: Dataset | None = field(default=None, init=False, repr=False)

    @contextmanager
    def load(self) -> Iterator[tuple[Dataset, Competitors]]:
        """Load what there is, for the block.

        Yields
        ------
        tuple
            The dataset, and what trains on it: nothing, if the last block that came to its end
            had the same dataset.

        Raises
        ------
        ConfigError
            If Spark does not start.
        TvrecError
            As :func:`load_on_spark`.
        """
        if self._last is not None and self._is_current(self._last):
            yield self._last, {}
            return
        with self.open_session() as session:
            data, dataset = load_on_spark(
                session,
                self.store,
                self.open_store,
                most_users=self.most_users,
                min_known=self.min_known,
            )
            yield dataset, self.competitors(data)
        self._last = dataset

    def _is_current(self, last: Dataset) -> bool:
        manifest = read_manifest(self.store).manifest
        return (
            manifest is not None
            and manifest.generation == last.ingested.generation
            and next(new_batches(self.store, manifest.watermarks), None) is None
            and read_catalogue(self.store).frame.equals(last.catalogue.frame)
        )
