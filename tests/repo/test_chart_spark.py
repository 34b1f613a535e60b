"""What the chart gives the Spark operator, where it is asked to."""

from typing import Any

import pytest

from mlproject import config
from mlproject.bootstrap import SPARK_TRAINERS
from tests import kubernetes as k
from tests.servers import ROOT

ON = ("--set", "spark.enabled=true,spark.image=registry.example/tvrec-spark:4.0")


def application(*further: str) -> dict[str, Any]:
    items = k.manifests("defaults", *ON, *further)
    (found,) = k.of_kind(items, "ScheduledSparkApplication")
    return found


def policy() -> dict[str, Any]:
    items = k.of_kind(k.manifests("defaults", *ON), "NetworkPolicy")
    (found,) = [item for item in items if item["metadata"]["name"] == "tvrec-spark"]
    return found


def test_there_is_nothing_of_spark_by_default() -> None:
    assert not k.of_kind(k.manifests("defaults"), "ScheduledSparkApplication")


def test_an_image_is_asked_for() -> None:
    done = k.helm("template", k.RELEASE, k.CHART, "--set", "spark.enabled=true")
    assert "spark.image is needed" in done.stderr


def test_the_program_and_its_arguments_are_there() -> None:
    template = application()["spec"]["template"]
    assert (ROOT / "services/spark" / template["mainApplicationFile"].rpartition("/")[2]).exists()
    assert template["arguments"] == ["train", "--trainer", "als"]
    assert k.json_schema()["properties"]["spark"]["properties"]["trainer"]["enum"] == list(
        SPARK_TRAINERS
    )


def test_the_version_of_spark_is_the_one_that_is_pinned() -> None:
    pinned = (ROOT / "requirements/spark.txt").read_text()
    assert f"\npyspark=={application()['spec']['template']['sparkVersion']} " in pinned


def test_the_driver_is_given_settings_that_there_are_and_executors_none() -> None:
    template = application()["spec"]["template"]
    given = {entry["name"] for entry in template["driver"]["env"]}
    assert given - config.known_names() == {"HOME"}
    assert {"TVREC_BUCKET", "MLFLOW_TRACKING_URI", "AWS_SECRET_ACCESS_KEY"} <= given
    assert "env" not in template["executor"]
    assert not {"envFrom", "envSecretKeyRefs"} & set(template["executor"])


@pytest.mark.parametrize("part", ["driver", "executor"])
def test_every_pod_is_restricted(part: str) -> None:
    pod = application()["spec"]["template"][part]
    assert pod["podSecurityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_ports_of_spark_are_those_of_the_policy() -> None:
    conf = application()["spec"]["template"]["sparkConf"]
    ports = {int(value) for key, value in conf.items() if key.endswith(".port")}
    allowed = {port["port"] for rule in policy()["spec"]["ingress"] for port in rule["ports"]}
    assert allowed == ports


def test_the_pods_carry_the_labels_of_their_policy() -> None:
    wanted = policy()["spec"]["podSelector"]["matchLabels"]
    template = application()["spec"]["template"]
    assert template["driver"]["labels"] == template["executor"]["labels"] == wanted


def test_further_properties_of_spark_go_through() -> None:
    given = application("--set-string", "spark.conf.spark\\.sql\\.shuffle\\.partitions=64")
    conf = given["spec"]["template"]["sparkConf"]
    assert conf["spark.sql.shuffle.partitions"] == "64"
