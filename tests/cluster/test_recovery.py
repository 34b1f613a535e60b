"""What happens when a part, the node or a disk goes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.test_service import failures
from tests.cluster.world import Cluster

STATE = ["kafka", "minio", "postgresql", "mlflow", "schema-registry", "kafka-connect"]


@pytest.mark.parametrize("part", STATE)
def test_a_part_that_is_deleted_comes_back_and_takes_no_other_with_it(
    release: Cluster, part: str
) -> None:
    release.ready()
    before = release.restarts()
    with release.hammered(seconds=60) as ends:
        release.kubectl("delete", "pod", "--selector", f"app.kubernetes.io/component={part}")
        release.ready()
    assert failures(ends) == {}, "the service answers from the model that it has"
    after = release.restarts()
    others = {pod for pod in before if part not in pod}
    assert {pod for pod in others if after.get(pod, 0) > before[pod]} == set()
    assert "passed" in release.test()


def test_everything_comes_back_after_the_node_was_cut_off(release: Cluster) -> None:
    release.script("restart")
    release.ready(minutes=15)
    assert "passed" in release.test()


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Cover a volume with a file system that has no room left."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "full", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_of_the_store_is_waited_for(release: Cluster) -> None:
    """The service goes on; ratings wait in Kafka; all goes on when there is room again."""
    before = release.restarts()
    with full(release.folder / "volumes" / "data-tvrec-minio-0"):
        release.kubectl("delete", "pod", "tvrec-minio-0")
        with release.hammered(seconds=60) as ends:
            pass
        assert failures(ends) == {}
    release.kubectl("delete", "pod", "tvrec-minio-0")
    release.ready()
    after = release.restarts()
    assert {pod for pod in before if after.get(pod, 0) > before[pod]} <= {"tvrec-minio-0"}
    assert "passed" in release.test()
