"""A standalone Spark cluster of two workers, and a store that its tasks reach."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from mlproject import config
from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.bootstrap import App, opened_store
from mlproject.catalogue.files import bundled
from mlproject.events.simulator import Simulator
from mlproject.objects.local import LocalStore
from tests.builders import put_catalogue

pytest.importorskip("pyspark", reason="PySpark is not installed; `make test-spark` does it")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17 or newer", allow_module_level=True)

from pyspark.sql import SparkSession

from mlproject.spark.reading import OpenStore
from mlproject.spark.session import session
from mlproject.spark.standalone import Cluster, standalone

CONF = {
    "spark.executor.memory": "1g",
    "spark.driver.memory": "1g",
    # Small data in many tasks would be all waiting.
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}

Start = Callable[[], Cluster]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("spark")
    with standalone(folder, workers=2, port=0, page_port=0) as found:
        yield found


@pytest.fixture(scope="session")
def spark(cluster: Cluster) -> Iterator[SparkSession]:
    with session("tests", cluster.master, CONF) as found:
        yield found


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def local_store(state_dir: Path) -> LocalStore:
    return LocalStore(state_dir / "store")


@pytest.fixture
def open_store(state_dir: Path) -> OpenStore:
    return partial(opened_store, config.load(state_dir=state_dir))


def fill(app: App, ratings: int = 20_000) -> None:
    """Store the bundled catalogue, and a batch of simulated ratings of it."""
    catalogue = bundled().read()
    put_catalogue(app.store, catalogue)
    source = Simulator(
        catalogue, users=400, ratings=ratings, seed=1, now=lambda: datetime(2025, 1, 1, tzinfo=UTC)
    )
    app.store.put(str(BatchKey(0, 0)), encode_batch(BatchKey(0, 0), source.read(0, ratings)))
