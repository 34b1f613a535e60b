"""A standalone Spark cluster of two workers, and a store that its tasks reach."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from mlproject import config
from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.bootstrap import App, opened_store
from mlproject.catalogue.files import bundled
from mlproject.events.simulator import Simulator
from mlproject.objects.local import LocalStore
from tests.builders import put_catalogue
from tests.servers import wait_until

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

Build = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("spark")
    with standalone(folder, workers=2, port=0, page_port=0) as found:
        yield found


@pytest.fixture(scope="session")
def spark(cluster: Cluster) -> Iterator[SparkSession]:
    with session("tests", cluster.master, CONF) as found:
        yield found


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster for other processes, since the session of ``spark`` holds all of its own."""
    with standalone(tmp_path_factory.mktemp("own"), port=0, page_port=0) as found:
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


@pytest.fixture
def name() -> str:
    """The name of an experiment and a registered model that nobody else has."""
    return f"spark-{uuid4().hex}"


@pytest.fixture
def build(own_cluster: Cluster, state_dir: Path, mlflow_server: str, name: str) -> Iterator[Build]:
    """What starts a builder on Spark."""
    with ExitStack() as running:

        def started(**settings: str) -> "subprocess.Popen[bytes]":
            process = start(
                own_cluster,
                state_dir,
                "build",
                MLFLOW_TRACKING_URI=mlflow_server,
                MLFLOW_EXPERIMENT_NAME=name,
                TVREC_REGISTERED_MODEL=name,
                TVREC_BUILD_ON="spark",
                TVREC_DIMENSIONS="8",
                **settings,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield started


def never_ending(store: LocalStore) -> Path:
    """Put a batch into a store that is never read to its end."""
    pipe = store.root / str(BatchKey(1, 0))
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    return pipe


@contextmanager
def being_read(pipe: Path, seconds: float) -> Iterator[None]:
    """Wait until somebody reads a pipe, and let them wait during the block."""
    with ExitStack() as held:

        def is_read() -> bool:
            try:
                held.callback(os.close, os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                return False
            return True

        wait_until(is_read, seconds, f"a reader of {pipe}")
        yield


def fill(app: App, ratings: int = 20_000) -> None:
    """Store the bundled catalogue, and a batch of simulated ratings of it."""
    catalogue = bundled().read()
    put_catalogue(app.store, catalogue)
    source = Simulator(
        catalogue, users=400, ratings=ratings, seed=1, now=lambda: datetime(2025, 1, 1, tzinfo=UTC)
    )
    app.store.put(str(BatchKey(0, 0)), encode_batch(BatchKey(0, 0), source.read(0, ratings)))


def start(
    cluster: Cluster, state_dir: Path, *arguments: str, **settings: str
) -> "subprocess.Popen[bytes]":
    """Start a command of tvrec that works on a cluster."""
    environment = {
        "TVREC_STATE_DIR": str(state_dir),
        "TVREC_SPARK_MASTER": cluster.master,
        "TVREC_SPARK_CONF": json.dumps(CONF),
        **settings,
    }
    command = [sys.executable, "-m", "mlproject", *arguments]
    return subprocess.Popen(command, env=config.child_environment(environment))
