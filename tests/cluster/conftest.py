"""A node of this machine's own, once a session, with the chart on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import world


@pytest.fixture(scope="session")
def cluster() -> Iterator[world.Cluster]:
    """A node with our images in it; nothing is installed yet."""
    if lacks := world.missing():
        pytest.skip(f"this machine lacks: {', '.join(lacks)}")
    with world.cluster(Path("/var/lib/tvrec-node"), "cluster") as made:
        yield made


@pytest.fixture(scope="session")
def release(cluster: world.Cluster) -> world.Cluster:
    """The node with the chart installed and ready; network policies are on by default."""
    cluster.install()
    return cluster
