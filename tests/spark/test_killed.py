"""Whatever is killed in the middle of an ingest, the snapshot comes out as it should."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproject import config
from mlproject.batches.keys import QUARANTINE, BatchKey
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest as ingest_here
from mlproject.snapshot.keys import MANIFEST
from mlproject.snapshot.switch import read_manifest
from mlproject.spark.standalone import Cluster, standalone
from mlproject.testing import MemoryStore
from tests.spark.conftest import CONF

BATCHES = 3000
LINE = (
    '{{"event_id": "{0}", "user_id": {0}, "show_id": 1, "rating": 7, "rated_at": {0}, '
    '"source": "REPLAYED"}}\n'
)


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone(tmp_path_factory.mktemp("killed"), port=0, page_port=0) as found:
        yield found


@pytest.fixture
def store(local_store: LocalStore) -> LocalStore:
    """Many small batches, with a bad row in each, so that quarantine shows how far it is."""
    for place in range(BATCHES):
        content = LINE.format(place) + "no event\n"
        local_store.put(str(BatchKey(0, place * 2, "jsonl")), content.encode())
    return local_store


def start(cluster: Cluster, state_dir: Path) -> subprocess.Popen[bytes]:
    conf = ", ".join(f'"{key}": "{value}"' for key, value in CONF.items())
    environment = {
        "TVREC_STATE_DIR": str(state_dir),
        "TVREC_SPARK_MASTER": cluster.master,
        "TVREC_SPARK_CONF": f"{{{conf}}}",
    }
    command = [sys.executable, "-m", "mlproject", "spark", "ingest"]
    return subprocess.Popen(command, env=config.child_environment(environment))


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
    process = start(own_cluster, state_dir)
    wait_until_some_are_read(store, process)
    own_cluster.workers[0].kill()
    assert store.get(MANIFEST) is None, "it was done before the kill"
    assert process.wait() == 0
    assert_right(store)


def test_after_a_killed_driver_the_next_run_is_right(
    own_cluster: Cluster, store: LocalStore, state_dir: Path
) -> None:
    process = start(own_cluster, state_dir)
    wait_until_some_are_read(store, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.get(MANIFEST) is None, "it was done before the kill"
    assert start(own_cluster, state_dir).wait() == 0
    assert_right(store)
