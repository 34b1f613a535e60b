"""Whatever is killed in the middle, the snapshot or the model comes out as it should."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from mlproject import config
from mlproject.batches.keys import QUARANTINE, BatchKey
from mlproject.bootstrap import SPARK_TRAINERS, App
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import hold_out
from mlproject.objects.local import LocalStore
from mlproject.pipelines.dataset import load_dataset
from mlproject.snapshot.ingest import ingest as ingest_here
from mlproject.snapshot.keys import MANIFEST
from mlproject.snapshot.switch import read_manifest
from mlproject.spark.standalone import Cluster, standalone
from mlproject.testing import MemoryStore
from tests.servers import ROOT, wait_until
from tests.spark.conftest import Build, being_read, fill, never_ending, start
from tests.spark.fit_and_kill import HALF_LIFE

BATCHES = 3000
LINE = (
    '{{"event_id": "{0}", "user_id": {0}, "show_id": 1, "rating": 7, "rated_at": {0}, '
    '"source": "REPLAYED"}}\n'
)


@pytest.fixture
def store(local_store: LocalStore) -> LocalStore:
    """Many small batches, with a bad row in each, so that quarantine shows how far it is."""
    for place in range(BATCHES):
        content = LINE.format(place) + "no event\n"
        local_store.put(str(BatchKey(0, place * 2, "jsonl")), content.encode())
    return local_store


def wait_until_some_are_read(store: LocalStore, process: subprocess.Popen[bytes]) -> None:
    while next(iter(store.list(QUARANTINE)), None) is None:
        assert process.poll() is None
        time.sleep(0.01)


def assert_right(store: LocalStore) -> None:
    copy = MemoryStore()
    for info in store.list("topics/"):
        copy.put(info.key, store.get(info.key) or b"")
    wanted = ingest_here(copy)[0]
    found = read_manifest(store).manifest
    assert found
    assert (found.digest, found.rows, found.users) == (wanted.digest.text, BATCHES, BATCHES)
    assert (found.totals.batches, found.totals.rejected) == (BATCHES, BATCHES)
    assert len(list(store.list(QUARANTINE))) == BATCHES


def test_a_killed_worker_is_made_up_for(
    own_cluster: Cluster, store: LocalStore, state_dir: Path
) -> None:
    process = start(own_cluster, state_dir, "spark", "ingest")
    wait_until_some_are_read(store, process)
    own_cluster.workers[0].kill()
    assert store.get(MANIFEST) is None, "it was done before the kill"
    assert process.wait() == 0
    assert_right(store)


def test_after_a_killed_driver_the_next_run_is_right(
    own_cluster: Cluster, store: LocalStore, state_dir: Path
) -> None:
    process = start(own_cluster, state_dir, "spark", "ingest")
    wait_until_some_are_read(store, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.get(MANIFEST) is None, "it was done before the kill"
    assert start(own_cluster, state_dir, "spark", "ingest").wait() == 0
    assert_right(store)


@pytest.mark.timeout(900)
def test_a_builder_goes_on_after_its_driver_process_was_killed(
    build: Build, state_dir: Path, local_store: LocalStore
) -> None:
    with App(config.load(state_dir=state_dir)) as app:
        fill(app)
    pipe = never_ending(local_store)
    builder = build()
    with being_read(pipe, 300):
        children = psutil.Process(builder.pid).children()
        (driver,) = (child for child in children if child.name() == "java")
        driver.kill()
        pipe.unlink()
    wait_until(lambda: local_store.get(MANIFEST) is not None, 300, "a snapshot")
    builder.terminate()
    assert builder.wait() == 0


@pytest.mark.parametrize("name", SPARK_TRAINERS)
def test_a_worker_killed_in_the_middle_of_a_fit_is_made_up_for(name: str, tmp_path: Path) -> None:
    with (
        standalone(tmp_path / "spark", port=0, page_port=0) as cluster,
        App(config.load(state_dir=tmp_path)) as app,
    ):
        fill(app)
        victim = cluster.workers[0]
        script = [sys.executable, "-m", "tests.spark.fit_and_kill"]
        subprocess.run(
            [*script, cluster.master, str(tmp_path), name, str(victim.pid)], check=True, cwd=ROOT
        )
        assert victim.wait() == -signal.SIGKILL
        with np.load(tmp_path / "model.npz") as arrays:
            assert all(np.isfinite(arrays[part]).all() for part in arrays)
            if name == "linear":
                assert_linear_of_one_machine(app, dict(arrays))


def assert_linear_of_one_machine(app: App, found: dict[str, np.ndarray]) -> None:
    dataset = load_dataset(app.store)
    split, _ = hold_out(dataset.interactions, share=0.2, seed=1)
    metadata = show_metadata(dataset.catalogue)
    wanted = app.trainer("linear").fit(split, metadata, HALF_LIFE, lambda _: None).model.arrays()
    assert np.array_equal(found["indptr"], wanted["indptr"])
    assert np.allclose(found["values"].astype(float), wanted["values"].astype(float), atol=2e-3)
