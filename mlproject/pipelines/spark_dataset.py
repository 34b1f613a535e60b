"""What there is to train on Spark, and of that what the driver measures by."""

from pyspark.sql import SparkSession

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ports import ObjectStore
from mlproject.pipelines.dataset import Dataset, dataset_of
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import read_manifest
from mlproject.spark.errors import told
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
        The ratings of all users on Spark, and those of the drawn users here.

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
    return data, dataset
