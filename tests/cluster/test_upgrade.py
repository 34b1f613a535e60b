"""An upgrade from the chart before, a reinstall, three brokers."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.cluster.world import Cluster
from tests.servers import ROOT


def secrets(release: Cluster) -> dict[str, dict[str, str]]:
    items = json.loads(release.kubectl("get", "secrets", "--output", "json"))["items"]
    return {item["metadata"]["name"]: item["data"] for item in items if item["type"] == "Opaque"}


def answer(release: Cluster) -> int:
    """The version that the service has."""
    with release.hammered(seconds=1) as ends:
        pass
    return max(int(end.removeprefix("200 of ")) for end in ends if end.startswith("200 of "))


def test_a_reinstall_finds_its_secrets_and_its_data(release: Cluster) -> None:
    made, version = secrets(release), answer(release)
    release.helm("uninstall", "tvrec", "--wait")
    release.install()
    assert secrets(release) == made
    assert answer(release) >= version, "the versions are still in the registry"


def test_an_upgrade_from_the_chart_before_keeps_the_data(release: Cluster, tmp_path: Path) -> None:
    """PREVIOUS names the commit of that chart; its images are today's."""
    commit = os.environ.get("PREVIOUS")
    if not commit:
        pytest.skip("PREVIOUS names no commit of an earlier chart")
    archive = tmp_path / "chart.tar"
    subprocess.run(
        ["git", "-C", ROOT, "archive", "--output", archive, commit, "k8s/chart"],
        check=True,
    )
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    release.helm("uninstall", "tvrec", "--wait")
    release.install(chart=tmp_path / "k8s" / "chart")
    version = answer(release)
    with release.hammered(seconds=60) as ends:
        release.install()
    assert {end for end in ends if not end.startswith("200 ")} == set()
    assert answer(release) >= version


def test_three_brokers_hold_three_copies(release: Cluster) -> None:
    """Not an upgrade: the number is fixed at the first start."""
    release.helm("uninstall", "tvrec", "--wait")
    for kind in ("pvc", "pv", "secrets"):
        release.kubectl("delete", kind, "--all", "--timeout", "120s")
    release.script("volumes")
    release.install("--set", "kafka.replicas=3")
    assert "passed" in release.test()
    release.kubectl("delete", "pod", "tvrec-kafka-0")
    assert "passed" in release.test(), "two of three brokers are enough"
