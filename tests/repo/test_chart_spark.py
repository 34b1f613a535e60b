"""Spark on Kubernetes: the driver's CronJob, its executors' pods, and what it may do."""

import json
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mlproject.bootstrap import SPARK_TRAINERS
from tests import kubernetes as k

POD = {"POD_IP": "10.0.0.7", "POD_NAME": "tvrec-spark-1-abcde"}


def driver(*arguments: str) -> dict[str, Any]:
    """The container of the driver."""
    cron_job = k.named(k.manifests("everything", *arguments), "CronJob", "tvrec-spark")
    (container,) = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def properties(*arguments: str) -> dict[str, str]:
    """Spark's properties, as the driver gets them in its pod."""
    (text,) = [
        one["value"] for one in driver(*arguments)["env"] if one["name"] == "TVREC_SPARK_CONF"
    ]
    for name, value in POD.items():
        text = text.replace(f"$({name})", value)
    found: dict[str, str] = json.loads(text)
    return found


def executor() -> dict[str, Any]:
    """The template of the executors' pods."""
    config_map = k.named(k.manifests("everything"), "ConfigMap", "tvrec-spark")
    found: dict[str, Any] = yaml.safe_load(config_map["data"]["executor.yaml"])
    return found


@pytest.mark.parametrize("values", ["defaults", "minikube", "production"])
def test_there_is_nothing_of_spark_unless_it_is_asked_for(values: str) -> None:
    assert "spark" not in {item["metadata"]["name"].removeprefix("tvrec-")
                           for item in k.manifests(values)}  # fmt: skip


def test_no_two_drivers_run_at_once() -> None:
    cron_job = k.named(k.manifests("everything"), "CronJob", "tvrec-spark")
    assert cron_job["spec"]["concurrencyPolicy"] == "Forbid"


def test_every_trainer_can_be_named() -> None:
    schema = k.json_schema()["properties"]["spark"]["properties"]["trainer"]
    assert schema["enum"] == list(SPARK_TRAINERS)
    for name in SPARK_TRAINERS:
        command = driver("--set", f"spark.trainer={name}")["command"]
        assert command == ["tvrec", "spark", "train", "--trainer", name]


def test_executors_run_the_image_of_the_driver() -> None:
    given = properties()
    assert given["spark.kubernetes.container.image"] == driver()["image"]
    assert given["spark.kubernetes.container.image.pullPolicy"] == driver()["imagePullPolicy"]


def test_executors_find_the_driver_and_belong_to_it() -> None:
    given = properties()
    assert given["spark.driver.host"] == POD["POD_IP"]
    assert given["spark.kubernetes.driver.pod.name"] == POD["POD_NAME"]
    assert given["spark.kubernetes.namespace"] == k.NAMESPACE
    names = [one["name"] for one in driver()["env"]]
    assert max(map(names.index, POD)) < names.index("TVREC_SPARK_CONF"), "else not filled in"


def test_the_ports_of_spark_are_those_of_the_policy() -> None:
    ports = {int(value) for name, value in properties().items() if name.endswith(".port")}
    policy = k.named(k.manifests("everything"), "NetworkPolicy", "tvrec-spark")
    allowed = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    assert allowed == ports


def test_a_property_of_the_user_comes_before_that_of_the_chart() -> None:
    assert properties()["spark.sql.shuffle.partitions"] == "64"
    name = "spark.kubernetes.executor.limit.cores"
    assert properties()[name] == "2"
    escaped = name.replace(".", "\\.")
    assert properties("--set-string", f"spark.conf.{escaped}=3")[name] == "3"


def test_the_template_is_where_the_driver_looks_and_spark_would_take_it() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in driver()["volumeMounts"]}
    asked = properties()["spark.kubernetes.executor.podTemplateFile"]
    assert asked == f"{mounts['pods']}/executor.yaml"
    pod = executor()
    (container,) = pod["spec"]["containers"]
    container["image"] = "set:by-spark"
    kubernetes_validate.validate(pod | {"metadata": {**pod["metadata"], "name": "x"}}, "1.36")


def test_executors_are_as_restricted_as_other_pods() -> None:
    cron_job = k.named(k.manifests("everything"), "CronJob", "tvrec-spark")
    template = cron_job["spec"]["jobTemplate"]["spec"]["template"]
    pod = executor()
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"] == template["spec"]["securityContext"]
    assert container["securityContext"] == driver()["securityContext"]
    assert pod["spec"]["automountServiceAccountToken"] is False, "they ask Kubernetes for nothing"
    for name in ("imagePullSecrets", "nodeSelector", "tolerations"):
        assert pod["spec"][name] == template["spec"][name]
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["spec"]["volumes"])
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_executors_are_told_by_the_driver_and_get_no_secret() -> None:
    (container,) = executor()["spec"]["containers"]
    assert "envFrom" not in container
    assert [one["name"] for one in container["env"]] == ["HOME"]
    assert not [name for name in properties() if "secret" in name.lower()]


def test_the_network_policy_takes_executors_too() -> None:
    policy = k.named(k.manifests("everything"), "NetworkPolicy", "tvrec-spark")
    assert k.selects(policy["spec"]["podSelector"]["matchLabels"], executor()["metadata"]["labels"])


def test_the_driver_may_make_pods_in_its_namespace_and_nothing_else() -> None:
    items = k.manifests("everything")
    assert not k.of_kind(items, "ClusterRole", "ClusterRoleBinding")
    (role,), (binding,) = (k.of_kind(items, kind) for kind in ("Role", "RoleBinding"))
    (rule,) = role["rules"]
    assert rule["apiGroups"] == [""]
    assert rule["resources"] == ["pods"]
    assert not {"*", "patch", "update"} & set(rule["verbs"])
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    cron_job = k.named(items, "CronJob", "tvrec-spark")
    account = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["serviceAccountName"]
    assert (subject["kind"], subject["name"]) == ("ServiceAccount", account)
    others = {pod["spec"]["serviceAccountName"] for item, pod in k.pods(items) if item != cron_job}
    assert account not in others


def test_spark_is_told_to_ask_for_nothing_but_pods() -> None:
    """At its end it would ask for services, volume claims and config maps too."""
    given = properties()
    assert given["spark.kubernetes.executor.disableConfigMap"] == "true"
    for name in (
        "service.deleteOnTermination",
        "ownPersistentVolumeClaim",
        "reusePersistentVolumeClaim",
    ):
        assert given[f"spark.kubernetes.driver.{name}"] == "false"


def test_the_builder_can_rest_while_spark_trains() -> None:
    items = k.manifests("everything", "--set", "modelBuilder.replicas=0")
    assert k.named(items, "Deployment", "tvrec-model-builder")["spec"]["replicas"] == 0
    done = k.helm("template", k.RELEASE, k.CHART, "--set", "modelBuilder.replicas=2")
    assert done.returncode != 0
