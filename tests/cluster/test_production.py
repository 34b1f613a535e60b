"""The values for production, beside stores that are outside: pods of another namespace.

What differs from ``k8s/values-production.yaml`` is what a small node and stores without TLS make
different; :data:`DIFFERENT` has all of it.
"""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests import kubernetes as k
from tests.cluster.test_service import failures
from tests.cluster.world import Cluster, without_claims
from tests.servers import ROOT

PRODUCTION = ROOT / "k8s" / "values-production.yaml"
DIFFERENT = [
    "images.repository=tvrec",
    "kafka.external.bootstrapServers=outside-kafka.outside:9092",
    "kafka.external.replication=1",
    "schemaRegistry.replicas=1",
    "s3.endpoint=http://outside-minio.outside:9000",
    "postgresql.external.host=outside-postgresql.outside",
    "postgresql.external.sslMode=disable",
    "modelBuilder.resources.requests.cpu=100m",
    "modelBuilder.resources.requests.memory=1Gi",
    "recommendationsService.autoscaling.maxReplicas=4",
]
NAMED = ("--set", "fullnameOverride=outside")
KEYS = {"AWS_ACCESS_KEY_ID": "access-key", "AWS_SECRET_ACCESS_KEY": "secret-key"}


def outside(cluster: Cluster) -> list[dict[str, Any]]:
    """Kafka, an S3 store and PostgreSQL, as the chart has them, without volumes that stay."""
    parts = [
        f"--show-only=templates/{part}.yaml" for part in ("kafka", "minio", "postgresql", "secrets")
    ]
    text = cluster.helm("template", cluster.namespace, k.CHART, *NAMED, *parts)
    items = without_claims([item for item in yaml.safe_load_all(text) if item])
    for item in k.of_kind(items, "StatefulSet"):
        pod = item["spec"]["template"]["spec"]
        del pod["serviceAccountName"]
        for container in pod["containers"]:
            container["imagePullPolicy"] = "Never"
    return items


def listed(items: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


@pytest.fixture(scope="module")
def production(release: Cluster) -> Iterator[Cluster]:
    """The chart with the values for production; the release with state of its own makes room."""
    made, stores = replace(release, namespace="production"), replace(release, namespace="outside")
    release.helm("uninstall", k.RELEASE, "--wait")
    try:
        install(made, stores)
        yield made
    finally:
        for each in (made, stores):
            each.kubectl("delete", "namespace", each.namespace, "--timeout", "300s")
        release.install()


def install(made: Cluster, stores: Cluster) -> None:
    """Start the stores, make what the values ask for, and install the chart beside them."""
    for each in (made, stores):
        each.create_namespace()
    items = outside(stores)
    stores.kubectl("apply", "--filename", "-", given=listed(items))
    stores.ready(instance=stores.namespace)
    of = {item["metadata"]["name"]: item["data"] for item in k.of_kind(items, "Secret")}
    keys, passwords = of["outside-minio"], of["outside-postgresql"]
    secrets = {
        "tvrec-kafka-client": {"properties": base64.b64encode(b"{}").decode()},
        "tvrec-kafka-connect-client": {},
        "tvrec-s3": keys,
        "tvrec-mlflow-s3": keys,
        "tvrec-postgresql": passwords,
    }
    made.kubectl(
        *("apply", "--filename", "-"),
        given=listed([secret(name, data) for name, data in secrets.items()]),
    )
    buckets(made)
    made.install(
        *(argument for pair in DIFFERENT for argument in ("--set", pair)), values=PRODUCTION
    )


def buckets(release: Cluster) -> None:
    """Make the buckets that the values name, as whoever owns the store would."""
    script = (ROOT / "k8s/chart/files/create_buckets.py").read_text()
    environment = [
        {"name": "S3_ENDPOINT_URL", "value": "http://outside-minio.outside:9000"},
        {"name": "AWS_DEFAULT_REGION", "value": "eu-central-1"},
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": "tvrec-s3", "key": key}}}
            for name, key in KEYS.items()
        ),
    ]
    (test,) = k.of_kind(k.manifests("minikube", "--set", f"images.tag={release.tag}"), "Pod")
    (container,) = test["spec"]["containers"]
    container = container | {
        "image": f"tvrec/event-generator:{release.tag}",
        "imagePullPolicy": "Never",
        "command": ["python", "-c", script, "example-tvrec", "example-tvrec-mlflow"],
        "env": environment,
        "volumeMounts": [],
    }
    # The service account comes with the release.
    spec = {name: value for name, value in test["spec"].items() if name != "serviceAccountName"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "buckets"},
        "spec": spec | {"volumes": [], "containers": [container]},
    }
    release.kubectl("apply", "--filename", "-", given=json.dumps(pod))
    done = "--for=jsonpath={.status.phase}=Succeeded"
    release.kubectl("wait", done, "pod/buckets", "--timeout", "120s")
    release.kubectl("delete", "pod", "buckets")


def test_three_replicas_serve_what_the_outside_stores_hold(production: Cluster) -> None:
    service = "deployment/tvrec-recommendations-service"
    ready = production.kubectl("get", service, "--output", "jsonpath={.status.readyReplicas}")
    assert int(ready) >= 3
    assert "passed" in production.test()


def test_the_autoscaler_adds_a_replica_under_load_and_no_request_fails(production: Cluster) -> None:
    """It asks metrics-server; requests are so small here that one client is load enough."""
    deadline = time.monotonic() + 300
    wanted = 0
    while wanted < 4 and time.monotonic() < deadline:
        with production.hammered(seconds=20, pause=0.0) as ends:
            pass
        assert failures(ends) == {}
        told = json.loads(production.kubectl("get", "hpa", "--output", "json"))["items"][0]
        wanted = told["status"]["desiredReplicas"]
    assert wanted == 4, told["status"]
