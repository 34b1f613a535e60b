"""What is told to end does so while a job runs, and the next one does the work."""

import signal
import socket
import subprocess
from pathlib import Path

import mlflow
import pytest

from mlproject import config
from mlproject.bootstrap import App
from mlproject.cli.group import INTERRUPTED
from mlproject.objects.local import LocalStore
from mlproject.pipelines.dataset import load_dataset
from mlproject.snapshot.keys import SNAPSHOT
from mlproject.snapshot.switch import read_manifest
from mlproject.spark.standalone import Cluster
from tests.servers import wait_until
from tests.spark.conftest import Build, being_read, fill, never_ending, start

SECONDS = 300
END_SECONDS = 60
"""Far less than the job would take that is running."""
GIVES_UP_SECONDS = 60
"""For so long Spark asks a master."""

pytestmark = pytest.mark.timeout(3 * SECONDS)


def end(process: "subprocess.Popen[bytes]", within: float = END_SECONDS) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(within) == 0


def test_while_the_master_does_not_answer(build: Build, state_dir: Path) -> None:
    with App(config.load(state_dir=state_dir)) as app:
        fill(app)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        builder = build(TVREC_SPARK_MASTER=f"spark://127.0.0.1:{silent.getsockname()[1]}")
        asked, _ = silent.accept()
        with asked:
            end(builder, GIVES_UP_SECONDS / 2)


def test_in_the_middle_of_an_ingest(
    build: Build, own_cluster: Cluster, state_dir: Path, local_store: LocalStore
) -> None:
    with App(config.load(state_dir=state_dir)) as app:
        fill(app)
    pipe = never_ending(local_store)
    builder = build()
    with being_read(pipe, SECONDS):
        end(builder)
    assert list(local_store.list(SNAPSHOT)) == []
    pipe.unlink()
    assert start(own_cluster, state_dir, "spark", "ingest").wait() == 0
    found = read_manifest(local_store).manifest
    for info in list(local_store.list(SNAPSHOT)):
        local_store.delete(info.key)
    assert found
    assert found.digest == load_dataset(local_store).state.digest.text


def test_a_command_in_the_middle_of_an_ingest(
    own_cluster: Cluster, state_dir: Path, local_store: LocalStore
) -> None:
    with App(config.load(state_dir=state_dir)) as app:
        fill(app)
    with start(own_cluster, state_dir, "spark", "ingest") as command:
        try:
            with being_read(never_ending(local_store), SECONDS):
                command.send_signal(signal.SIGTERM)
                assert command.wait(END_SECONDS) == INTERRUPTED
        finally:
            command.kill()
    assert list(local_store.list(SNAPSHOT)) == []


def test_in_the_middle_of_a_fit(
    build: Build, state_dir: Path, mlflow_server: str, name: str
) -> None:
    client = mlflow.MlflowClient(mlflow_server)

    def statuses() -> list[str]:
        experiment = client.get_experiment_by_name(name)
        runs = client.search_runs([experiment.experiment_id]) if experiment else []
        return [run.info.status for run in runs]

    settings = config.load(
        state_dir=state_dir,
        mlflow_tracking_uri=mlflow_server,
        experiment=name,
        registered_model=name,
    )
    with App(settings) as app:
        fill(app)
        builder = build(TVREC_ALS_ITERATIONS="100")
        wait_until(lambda: statuses() == ["RUNNING"], SECONDS, "the fit")
        end(builder)
        assert statuses() == ["KILLED"]
        assert app.registry.production() is None
        builder = build(TVREC_ALS_ITERATIONS="2")
        wait_until(lambda: app.registry.production() is not None, SECONDS, "a version")
        end(builder)
