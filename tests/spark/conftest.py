"""A standalone Spark cluster of two workers, and a store that its tasks reach."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from mlproject.bootstrap import opened_store
from mlproject.config import Settings
from mlproject.objects.local import LocalStore

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
    return partial(opened_store, Settings(state_dir=state_dir))
