"""The scripts of `make test-cluster`, as far as they can be tried without a node."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import kubernetes as k
from tests.cluster.test_policies import LISTENERS
from tests.servers import ROOT, environment

SCRIPTS = ROOT / "k8s" / "cluster"
NODE, IMAGES = SCRIPTS / "node.sh", SCRIPTS / "images.sh"
THREE = ("--set", "kafka.replicas=3")


def node(*arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [NODE, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH with hardly a program on it."""
    for name in ("dirname", "id"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    return str(tmp_path)


def run_bare(bare: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/bash", NODE, *arguments],
        env={"PATH": bare},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_a_machine_lacks_is_named(bare: str) -> None:
    lacks = run_bare(bare, "missing").stdout.splitlines()
    assert {"kubectl", "docker", "iptables", "conntrack", "runc"} <= set(lacks)


def test_a_usage_mistake_is_told() -> None:
    done = node("upp")
    assert done.returncode == 2
    assert "k8s/cluster/node.sh up FOLDER" in done.stdout
    assert node("up").stderr == "node.sh: name a folder\n"


def test_the_volumes_are_those_that_the_chart_claims() -> None:
    claimed = {
        f"{template['metadata']['name']}-{item['metadata']['name']}-{number}"
        for item in k.of_kind(k.manifests("minikube", *THREE), "StatefulSet")
        for template in item["spec"]["volumeClaimTemplates"]
        for number in range(item["spec"]["replicas"])
    }
    (made,) = re.findall(r"^claims=\((.*)\)$", NODE.read_text(), re.MULTILINE)
    assert set(made.split()) == claimed


def test_every_image_of_others_has_a_stand_in() -> None:
    script = IMAGES.read_text()
    patterns = re.findall(r'stand_in "\$\(named (\S+)\)"', script)
    others = {
        container["image"]
        for _, container, _ in k.containers(k.manifests("minikube"))
        if not container["image"].startswith("tvrec/")
    }
    found = {
        pattern: {name for name in others if re.search(f"{pattern}:", name)} for pattern in patterns
    }
    assert all(len(names) == 1 for names in found.values()), found
    assert set().union(*found.values()) == others


def test_ours_are_all_loaded() -> None:
    (named,) = re.findall(r"^for part in (data-exporter.*); do$", IMAGES.read_text(), re.MULTILINE)
    ours = {
        container["image"].removeprefix("tvrec/").partition(":")[0]
        for _, container, _ in k.containers(k.manifests("everything"))
        if container["image"].startswith("tvrec/")
    }
    assert set(named.split()) == ours


def test_the_node_asks_for_the_images_that_are_made() -> None:
    made = re.findall(r"stand_in (registry\.k8s\.io/pause:\S+)", IMAGES.read_text())
    assert made == re.findall(r"^pause=(\S+)$", NODE.read_text(), re.MULTILINE)
    addons = list(yaml.safe_load_all((SCRIPTS / "addons.yaml").read_text()))
    (deployment,) = k.of_kind(addons, "Deployment")
    (dns,) = [container["image"] for _, container, _ in k.containers([deployment])]
    assert dns == f"registry.k8s.io/coredns/coredns:{k.VERSIONS['COREDNS_VERSION']}"


def test_dns_has_the_address_that_the_kubelet_tells() -> None:
    addons = list(yaml.safe_load_all((SCRIPTS / "addons.yaml").read_text()))
    names = {item["metadata"]["name"]: item for item in k.of_kind(addons, "Service")}
    (told,) = re.findall(r" dns=(\S+)$", NODE.read_text(), re.MULTILINE)
    assert names["kube-dns"]["spec"]["clusterIP"] == told


def test_metrics_are_asked_for_at_the_address_of_the_node() -> None:
    addons = list(yaml.safe_load_all((SCRIPTS / "addons.yaml").read_text()))
    (metrics,) = k.of_kind(addons, "EndpointSlice")
    (told,) = re.findall(r" node_ip=(\S+)$", NODE.read_text(), re.MULTILINE)
    assert metrics["endpoints"] == [{"addresses": [told]}]


def test_the_listeners_that_are_tried_are_the_services_of_the_chart() -> None:
    services = {
        (port["port"], item["metadata"]["name"])
        for item in k.of_kind(k.manifests("minikube"), "Service")
        for port in item["spec"]["ports"]
    }
    assert {(port, host) for (_, port), host in LISTENERS.items()} <= services
    # The headless Service has the broker's port too.
    assert {host for _, host in services} == set(LISTENERS.values())
