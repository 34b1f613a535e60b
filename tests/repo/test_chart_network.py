"""The network policies allow these edges, and no others."""

from collections.abc import Iterator

import pytest

from mlproject.monitoring.port import OFFSETS
from tests import kubernetes as k

METRICS_PORT = 9464
JMX_PORT = 9404

Edge = tuple[str, str, int]

# who talks to whom, at which port of the pod; `setup` is the Job, `test` the pod of `helm test`
EDGES: set[Edge] = {
    ("data-exporter", "minio", 9000),
    ("event-generator", "kafka", 9092),
    ("event-generator", "minio", 9000),
    ("event-generator", "schema-registry", 8080),
    ("kafka", "kafka", 9092),
    ("kafka", "kafka", 9093),
    ("kafka-connect", "kafka", 9092),
    ("kafka-connect", "kafka-connect", 8083),
    ("kafka-connect", "minio", 9000),
    ("kafka-connect", "schema-registry", 8080),
    ("mlflow", "minio", 9000),
    ("mlflow", "postgresql", 5432),
    ("model-builder", "minio", 9000),
    ("model-builder", "mlflow", 5000),
    ("recommendations-service", "kafka", 9092),
    ("recommendations-service", "minio", 9000),
    ("recommendations-service", "mlflow", 5000),
    ("recommendations-service", "schema-registry", 8080),
    ("schema-registry", "postgresql", 5432),
    ("setup", "kafka", 9092),
    ("setup", "kafka-connect", 8083),
    ("setup", "minio", 9000),
    ("test", "mlflow", 5000),
    ("test", "recommendations-service", 3000),
}
# Of the driver and its executors, which are one part.
SPARK_EDGES: set[Edge] = {
    ("spark", "minio", 9000),
    ("spark", "mlflow", 5000),
    ("spark", "spark", 7078),
    ("spark", "spark", 7079),
}
UI_EDGES: set[Edge] = {
    ("kafka-ui", "kafka", 9092),
    ("kafka-ui", "kafka-connect", 8083),
    ("kafka-ui", "schema-registry", 8080),
}
DNS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]
EVERY = pytest.mark.parametrize("values", k.VALUES)


def policies(values: str) -> dict[str, k.Manifest]:
    return {
        item["metadata"]["name"].removeprefix("tvrec-"): item["spec"]
        for item in k.of_kind(k.manifests(values), "NetworkPolicy")
    }


def edges(values: str, way: str) -> set[Edge]:
    """The edges within the chart, as the policies of one side name them."""
    return {
        (part, other, port) if way == "egress" else (other, part, port)
        for part, spec in policies(values).items()
        for rule in spec.get(way) or []
        for other in _parts(rule.get("to" if way == "egress" else "from", []))
        for port in (port["port"] for port in rule["ports"])
    }


def _parts(peers: list[k.Manifest]) -> Iterator[str]:
    for peer in peers:
        if "podSelector" in peer:
            assert set(peer) == {"podSelector"}, "of this namespace only"
            yield k.component(peer["podSelector"]["matchLabels"])


def expected(values: str) -> set[Edge]:
    parts = {k.component(pod["metadata"]["labels"]) for _, pod in k.pods(k.manifests(values))}
    every = EDGES | UI_EDGES | SPARK_EDGES
    return {edge for edge in every if edge[0] in parts and edge[1] in parts}


@EVERY
@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_exactly_these_edges(values: str, way: str) -> None:
    assert edges(values, way) == expected(values)


def test_the_table_has_no_part_that_is_not_there() -> None:
    assert expected("everything") == EDGES | UI_EDGES | SPARK_EDGES


@EVERY
def test_nothing_is_allowed_by_default(values: str) -> None:
    found = policies(values)
    deny = found["default-deny"]
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in deny
    assert "egress" not in deny
    parts = set()
    for _, pod in k.pods(k.manifests(values)):
        labels = pod["metadata"]["labels"]
        parts.add(k.component(labels))
        assert k.selects(deny["podSelector"]["matchLabels"], labels)
    assert set(found) - {"default-deny"} == parts


@EVERY
def test_only_the_service_and_metrics_are_open_to_others(values: str) -> None:
    for part, spec in policies(values).items():
        for rule in spec.get("ingress") or []:
            inside = all("podSelector" in peer for peer in rule.get("from", [{}]))
            ports = {port["port"] for port in rule["ports"]}
            ours = part in OFFSETS and ports == {METRICS_PORT + OFFSETS[part]}
            metrics = ours or (part in {"kafka", "kafka-connect"} and ports == {JMX_PORT})
            assert inside or metrics or part == "recommendations-service", part


def test_who_may_call_the_service_can_be_named() -> None:
    rules = policies("production")["recommendations-service"]["ingress"]
    named = [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
             for rule in rules for peer in rule["from"] if "namespaceSelector" in peer]  # fmt: skip
    assert named == ["ingress-nginx", "monitoring"]


def test_who_may_read_the_metrics_can_be_named() -> None:
    for part in OFFSETS:
        (rule,) = policies("production")[part]["ingress"]
        (peer,) = rule["from"]
        name = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        assert name == "monitoring"


def outside(values: str) -> set[tuple[str, tuple[int, ...]]]:
    """Which parts may talk to what is outside the cluster, and the ports."""
    return {
        (part, tuple(port["port"] for port in rule["ports"]))
        for part, spec in policies(values).items()
        for rule in spec.get("egress") or []
        if rule.get("to") != DNS and not any("podSelector" in peer for peer in rule.get("to", []))
    }


def test_nobody_talks_to_the_outside_where_everything_is_inside() -> None:
    assert outside("minikube") == set()


def test_the_outside_is_reached_by_those_who_need_it() -> None:
    kafka, s3, database = (9092, 9093, 9094, 9096), (443, 9000), (5432,)
    connected = {"event-generator", "kafka-connect", "recommendations-service", "setup"}
    assert outside("production") == {
        *((part, kafka) for part in connected),
        *((part, s3) for part in connected | {"data-exporter", "mlflow", "model-builder"}),
        *((part, database) for part in ("mlflow", "schema-registry")),
    }
    assert outside("everything") == {
        ("data-exporter", (443,)),  # TVMaze
        ("spark", (443, 6443)),  # Kubernetes
        *((part, (4318,)) for part in ("model-builder", "recommendations-service")),
    }


def test_spans_go_to_the_collector_that_is_named() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}
    rule = {"ports": [{"protocol": "TCP", "port": 4318}], "to": [peer]}
    told = {part for part, spec in policies("everything").items() if rule in spec.get("egress", [])}
    assert told == {"model-builder", "recommendations-service"}
