"""The network policies, as they are enforced."""

import json
from collections.abc import Iterator

import pytest

from tests import kubernetes as k
from tests.cluster.world import NAMESPACE, Cluster
from tests.repo.test_chart_network import EDGES

# The address and the port of each part that listens.
LISTENERS = {
    ("kafka", 9092): "tvrec-kafka",
    ("kafka", 9093): "tvrec-kafka-headless",
    ("kafka-connect", 8083): "tvrec-kafka-connect",
    ("minio", 9000): "tvrec-minio",
    ("mlflow", 5000): "tvrec-mlflow",
    ("postgresql", 5432): "tvrec-postgresql",
    ("recommendations-service", 3000): "tvrec-recommendations-service",
    ("schema-registry", 8080): "tvrec-schema-registry",
}
PARTS = sorted({part for part, _, _ in EDGES} | {part for part, _ in LISTENERS})


@pytest.fixture(scope="module")
def pods(release: Cluster) -> Iterator[dict[str, str]]:
    """A pod of each part; of the Job and of the test ones that sleep, under their labels."""
    (test,) = k.of_kind(k.manifests("minikube", "--set", f"images.tag={release.tag}"), "Pod")
    for part in ("setup", "test"):
        (container,) = test["spec"]["containers"]
        labels = test["metadata"]["labels"] | {"app.kubernetes.io/component": part}
        sleeper = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"sleeps-as-{part}", "namespace": NAMESPACE, "labels": labels},
            "spec": test["spec"]
            | {
                "volumes": [],
                "containers": [
                    {**container, "command": ["sleep", "1800"], "volumeMounts": []}
                    | {"imagePullPolicy": "Never"}
                ],
            },
        }
        release.kubectl("apply", "--filename", "-", given=json.dumps(sleeper))
    release.kubectl("wait", "--for=condition=Ready", "pod", "sleeps-as-setup", "sleeps-as-test")
    yield {
        k.component(item["metadata"]["labels"]): item["metadata"]["name"] for item in release.pods()
    }
    release.kubectl("delete", "pod", "sleeps-as-setup", "sleeps-as-test", "--now")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_reaches_those_of_the_table_and_no_others(
    release: Cluster, pods: dict[str, str], part: str
) -> None:
    reached = {
        (part, other, port)
        for (other, port), host in LISTENERS.items()
        if other != part and release.probe(pods[part], host, port)
    }
    assert reached == {edge for edge in EDGES if edge[0] == part and edge[1] != part}
