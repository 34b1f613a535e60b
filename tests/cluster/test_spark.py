"""Spark's driver from the chart's CronJob, and its executors, in a namespace of their own."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests import kubernetes as k
from tests.cluster.programs import TRAINED
from tests.cluster.world import SCRIPTS, Cluster, without_claims
from tests.servers import wait_until

PARTS = ("minio", "mlflow", "networkpolicies", "postgresql", "secrets", "settings", "spark")
VALUES = {
    "spark.enabled": "true",
    "spark.executor.cores": "1",
    "spark.executor.heap": "512m",
    "spark.executor.overhead": "1g",
    "spark.driver.heap": "1g",
    "spark.driver.resources.requests.cpu": "100m",
    "spark.driver.resources.requests.memory": "1Gi",
    "spark.conf.spark\\.kubernetes\\.executor\\.request\\.cores": "200m",
    "settings.TVREC_DIMENSIONS": "16",
    "settings.TVREC_ALS_ITERATIONS": "3",
}
EXECUTOR = "spark-role=executor"
SEEDED = 30_000
SEED = ("tvrec", "generate-ratings", "--once", "--ratings", str(SEEDED), "--users", "400")
SLEEPS = ("sleep", "7200")


def rendered(made: Cluster) -> list[dict[str, Any]]:
    """What the driver needs of the chart, without volumes that stay."""
    text = made.helm(
        *("template", k.RELEASE, k.CHART, "--values", SCRIPTS / "values.yaml"),
        *("--set-string", f"images.tag={made.tag}", "--set", "images.pullPolicy=Never"),
        *(f"--show-only=templates/{part}.yaml" for part in PARTS),
        *(argument for pair in VALUES.items() for argument in ("--set", "=".join(pair))),
    )
    return without_claims([item for item in yaml.safe_load_all(text) if item])


def looker(cron_job: dict[str, Any]) -> dict[str, Any]:
    """A pod like the driver's that makes the buckets, a catalogue and ratings, and then sleeps."""
    template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
    (driver,) = template["spec"]["containers"]
    script = (k.CHART / "files" / "create_buckets.py").read_text()
    steps = {
        "buckets": ("python", "-c", script, "tvrec", "tvrec-mlflow"),
        "shows": ("tvrec", "export-shows"),
        "ratings": SEED,
    }
    spec = template["spec"] | {
        "terminationGracePeriodSeconds": 1,
        "initContainers": [
            driver | {"name": name, "command": list(command)} for name, command in steps.items()
        ],
        "containers": [driver | {"name": "sleeps", "command": list(SLEEPS)}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "looker", **template["metadata"]},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def ratings(cluster: Cluster) -> Iterator[Cluster]:
    """Stores with ratings, MLflow, and the CronJob, which is not due soon."""
    made = replace(cluster, namespace="spark")
    made.create_namespace()
    try:
        items = rendered(made)
        (cron_job,) = k.of_kind(items, "CronJob")
        listed = {"apiVersion": "v1", "kind": "List", "items": [*items, looker(cron_job)]}
        made.kubectl("apply", "--filename", "-", given=json.dumps(listed))
        made.ready()
        made.kubectl("wait", "--for=condition=Ready", "pod/looker", "--timeout", "300s")
        yield made
    finally:
        made.kubectl("delete", "namespace", made.namespace, "--timeout", "300s")


def start(made: Cluster, job: str) -> None:
    """Start a Job as the schedule would."""
    made.kubectl("create", "job", job, "--from=cronjob/tvrec-spark")


def executors(made: Cluster, job: str) -> list[dict[str, Any]]:
    """The executors of a Job that run, once there are two."""
    found: list[dict[str, Any]] = []

    def both() -> bool:
        found[:] = [pod for pod in made.pods(EXECUTOR) if pod["metadata"]["name"].startswith(job)]
        return len(found) == 2

    wait_until(both, 180, f"two executors of {job}")
    return found


def ended(made: Cluster, job: str) -> dict[str, Any]:
    """How a Job ended."""
    status: dict[str, Any] = {}

    def over() -> bool:
        status.update(json.loads(made.kubectl("get", "job", job, "--output", "json"))["status"])
        return any(one["type"] in {"Complete", "Failed"} for one in status.get("conditions", []))

    wait_until(over, 900, f"the end of {job}")
    return status


def gone(made: Cluster) -> None:
    """Wait until there are no executors, ended ones neither."""
    told = ("get", "pods", "--selector", EXECUTOR, "--output", "name")
    wait_until(lambda: made.kubectl(*told) == "", 60, "the end of the executors")


def log(made: Cluster, job: str) -> str:
    """What the driver has said."""
    return made.kubectl("logs", "--selector", f"job-name={job}", "--tail", "-1")


def look(made: Cluster) -> dict[str, Any]:
    """What the snapshot and MLflow have."""
    told: dict[str, Any] = json.loads(
        made.kubectl("exec", "looker", "--container", "sleeps", "--", "python", "-c", TRAINED)
    )
    return told


def test_a_job_of_the_schedule_ingests_and_trains_on_pods_of_its_own(ratings: Cluster) -> None:
    start(ratings, "first")
    pods = executors(ratings, "first")
    (driver,) = ratings.pods("job-name=first")
    for pod in pods:
        (owner,) = pod["metadata"]["ownerReferences"]
        assert owner["uid"] == driver["metadata"]["uid"]
        (container,) = pod["spec"]["containers"]
        given = {one["name"] for one in container["env"]}
        assert not {name for name in given if name.startswith(("AWS_", "TVREC_"))}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
    assert ended(ratings, "first")["succeeded"] == 1, log(ratings, "first")
    assert "failed" not in ended(ratings, "first"), log(ratings, "first")
    gone(ratings)
    found = look(ratings)
    assert 0 < found["ratings"] <= SEEDED
    ((status, params, metrics, tags),) = found["runs"]
    assert status == "FINISHED"
    assert params["trainer"] == "als"
    assert metrics["precision_at_10"] > 0
    assert tags["spark"].startswith("k8s://")


def test_what_the_driver_says_has_no_secret_and_no_refusal(ratings: Cluster) -> None:
    said = log(ratings, "first")
    secret = json.loads(ratings.kubectl("get", "secret", "tvrec-minio", "--output", "json"))["data"]
    for value in secret.values():
        assert base64.b64decode(value).decode() not in said
    for complaint in ("forbidden", "Uncaught", "ERROR", "Read-only file system"):
        assert complaint not in said, said


def test_an_executor_that_is_killed_is_replaced(ratings: Cluster) -> None:
    start(ratings, "killed")
    pod, other = executors(ratings, "killed")
    name = pod["metadata"]["name"]
    wait_until(lambda: "RUNNING" in {status for status, *_ in look(ratings)["runs"]}, 180, "a run")
    ratings.kubectl("delete", "pod", name, "--now")
    names = {one["metadata"]["name"] for one in executors(ratings, "killed")}
    assert name not in names
    assert other["metadata"]["name"] in names
    status = ended(ratings, "killed")
    assert status["succeeded"] == 1, log(ratings, "killed")
    assert "failed" not in status, "the driver went on"


def test_executors_go_with_their_driver(ratings: Cluster) -> None:
    start(ratings, "gone")
    executors(ratings, "gone")
    ratings.kubectl("delete", "job", "gone", "--cascade=foreground", "--timeout", "120s")
    gone(ratings)


def test_it_reaches_the_stores_it_needs_and_no_others(ratings: Cluster) -> None:
    reached = {
        host: ratings.probe("looker", host, port)
        for host, port in (
            ("tvrec-minio", 9000),
            ("tvrec-mlflow", 5000),
            ("tvrec-postgresql", 5432),
        )
    }
    assert reached == {"tvrec-minio": True, "tvrec-mlflow": True, "tvrec-postgresql": False}
