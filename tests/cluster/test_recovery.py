"""What happens when a part, the node or a disk goes."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import kubernetes as k
from tests.cluster.test_service import failures
from tests.cluster.world import Cluster

STATE = ["kafka", "minio", "postgresql", "mlflow", "schema-registry", "kafka-connect"]


def restarted(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """The pods of which a container was started again."""
    return {pod for pod in before if after.get(pod, 0) > before[pod]}


@pytest.mark.parametrize("part", STATE)
def test_a_part_that_is_deleted_takes_no_other_and_no_rating_with_it(
    release: Cluster, part: str
) -> None:
    release.ready()
    before = release.restarts()
    with release.no_rating_lost(seconds=50), release.hammered(seconds=50) as ends:
        release.kubectl("delete", "pod", "--selector", f"app.kubernetes.io/component={part}")
        release.ready()
    assert failures(ends) == {}, "the service answers from the model that it has"
    assert {pod for pod in restarted(before, release.restarts()) if part not in pod} == set()


def test_parts_that_start_before_their_servers_wait(release: Cluster) -> None:
    """For longer than a client of Kafka tries to begin."""
    servers = [f"statefulset/tvrec-{name}" for name in ("kafka", "minio", "postgresql")]
    release.kubectl("scale", *servers, "--replicas=0")
    release.kubectl("delete", "pod", "--selector", f"app.kubernetes.io/instance={k.RELEASE}")
    time.sleep(75)
    release.kubectl("scale", *servers, "--replicas=1")
    release.ready()
    assert set(release.restarts().values()) == {0}
    assert "passed" in release.test()


def test_everything_comes_back_after_every_process_was_killed(release: Cluster) -> None:
    release.script("restart")
    release.ready(minutes=15)
    assert "passed" in release.test()


def test_pods_that_were_cut_off_from_each_other_go_on(release: Cluster) -> None:
    release.ready()
    before = release.restarts()
    with release.no_rating_lost(seconds=60):
        time.sleep(10)
        with release.cut():
            time.sleep(30)
        release.ready()
    assert restarted(before, release.restarts()) == set()


@contextmanager
def full(volume: Path) -> Iterator[None]:
    """Leave no room on a volume."""
    filler = volume / "filler"
    try:
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        assert shutil.disk_usage(volume).free < 1 << 20
        yield
    finally:
        filler.unlink()


def test_a_full_disk_of_the_store_is_waited_for(release: Cluster) -> None:
    """The service goes on; ratings wait in Kafka; all goes on when there is room again."""
    release.ready()
    before = release.restarts()
    with (
        release.no_rating_lost(seconds=120),
        release.hammered(seconds=120) as ends,
        full(release.folder / "volumes" / "data-tvrec-minio-0"),
    ):
        time.sleep(110)
    assert failures(ends) == {}
    assert "passed" in release.test()
    assert restarted(before, release.restarts()) == set()
