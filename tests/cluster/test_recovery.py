"""What happens when a part, the node or a disk goes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        full(release.folder / "volumes" / "data-tvrec-minio-0"),
        release.hammered(seconds=150) as ends,
    ):
        pass
    assert failures(ends) == {}
    assert "passed" in release.test()
    after = release.restarts()
    assert {pod for pod in before if after.get(pod, 0) > before[pod]} == set()
