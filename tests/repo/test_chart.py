"""What holds for every manifest that the chart renders, whatever the values."""

import base64
import re
from collections import Counter
from typing import Any

import pytest
import yaml

import mlproject
from mlproject import config
from mlproject.monitoring.port import OFFSETS, port_of
from tests import kubernetes as k
from tests.servers import ROOT

EVERY = pytest.mark.parametrize("values", k.VALUES)

OURS = {
    "data-exporter",
    "event-generator",
    "model-builder",
    "recommendations-service",
    "setup",
    "spark",
    "test",
}
# Variables of our pods that are no settings of ours, and whose they are.
OF_OTHERS = {
    "MLFLOW_TRACKING_USERNAME": "of MLflow's own client",
    "MLFLOW_TRACKING_PASSWORD": "the same",
    "HOME": "the user 10001 has no home folder, and the root file system is read-only",
    "BENTOML_HOME": "BentoML's scratch folder",
    "OPENBLAS_NUM_THREADS": "NumPy's",
    "POD_IP": "for the value of TVREC_SPARK_CONF",
    "POD_NAME": "the same",
}
# Settings that nobody chooses by `settings:`, and where they come from.
NOT_CHOSEN = {
    "TVREC_STATE_DIR": "a folder of the pod",
    "TVREC_HOST": "a pod listens everywhere",
    "TVREC_MLFLOW_PORT": "5000 in every pod",
    "TVREC_SERVICE_PORT": "3000 in every pod; recommendationsService.service.port outside",
    "TVREC_METRICS_PORT": "metrics.port",
    "MLFLOW_TRACKING_URI": "the MLflow of the chart",
    "TVREC_BUCKET": "s3.bucket",
    "S3_ENDPOINT_URL": "s3.endpoint",
    "AWS_ACCESS_KEY_ID": "s3.existingSecret",
    "AWS_SECRET_ACCESS_KEY": "s3.existingSecret",
    "AWS_REGION": "s3.region",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.external.bootstrapServers",
    "SCHEMA_REGISTRY_URL": "schemaRegistry.external.url",
    "TVREC_KAFKA_PROPERTIES": "kafka.properties.existingSecret",
    "TVREC_CONNECT_URL": "the Kafka Connect of the chart",
    "TVREC_TOPIC_REPLICATION": "kafka.replicas, or kafka.external.replication",
    "TVREC_SERVICE_TOKEN": "of a client, on somebody's machine",
    "TVREC_SPARK_CONF": "spark.conf",
    "MLFLOW_BACKEND_STORE_URI": "the MLflow pod alone has it, and frees its rows itself",
    "MLFLOW_RUN_ID": "of `mlflow run`, not of a cluster",
}
# user ids: ours, and those of the official images that were established (k8s/README.md)
USERS = {"kafka": 1000, "schema-registry": 1001, "postgresql": 999}


@EVERY
def test_helm_finds_nothing_to_mend(values: str) -> None:
    done = k.helm("lint", "--strict", k.CHART, *k.values_arguments(values))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@EVERY
def test_no_two_manifests_have_one_name(values: str) -> None:
    names = Counter(map(k.label, k.manifests(values)))
    assert [name for name, count in names.items() if count > 1] == []


@EVERY
def test_everything_is_in_the_namespace_and_says_whose_it_is(values: str) -> None:
    for item in k.manifests(values):
        assert item["metadata"]["namespace"] == k.NAMESPACE, k.label(item)
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == k.RELEASE, k.label(item)
        assert len(item["metadata"]["name"]) <= 63


@EVERY
def test_every_pod_is_restricted(values: str) -> None:
    seen = 0
    for item, pod in k.pods(k.manifests(values)):
        seen += 1
        spec, where = pod["spec"], k.label(item)
        security = spec["securityContext"]
        part = k.component(pod["metadata"]["labels"])
        assert security["runAsNonRoot"] is True, where
        assert security["runAsUser"] == USERS.get(part, 10001), where
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert spec["automountServiceAccountToken"] is (part == "spark"), where
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            assert name not in spec, where
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= {"emptyDir", "configMap", "persistentVolumeClaim"}
            if "emptyDir" in volume:
                assert "sizeLimit" in volume["emptyDir"], f"{where} can fill the node's disk"
    assert seen >= 9


@EVERY
def test_every_container_is_restricted_and_has_requests_and_limits(values: str) -> None:
    for where, container, _ in k.containers(k.manifests(values)):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True, where
        assert security["allowPrivilegeEscalation"] is False, where
        assert security["capabilities"] == {"drop": ["ALL"]}, where
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}, where


@EVERY
def test_every_long_running_container_has_probes(values: str) -> None:
    items = k.manifests(values)
    initial = [
        container for _, pod in k.pods(items) for container in pod["spec"].get("initContainers", [])
    ]
    for where, container, item in k.containers(items):
        if item["kind"] in {"CronJob", "Job", "Pod"} or container in initial:
            continue
        assert "livenessProbe" in container, where
        if {port["name"] for port in container.get("ports", [])} - {"metrics"}:
            assert {"readinessProbe", "startupProbe"} <= set(container), where
        else:
            assert "readinessProbe" not in container, f"{where}: nobody calls it but Prometheus"


@EVERY
def test_no_liveness_depends_on_another_part(values: str) -> None:
    """Only checks of the process itself; those that look further are for readiness."""
    local = {"/livez", "/health", "/minio/health/live"}  # /health is MLflow's
    for where, container, item in k.containers(k.manifests(values)):
        probe = container.get("livenessProbe")
        if probe is None:
            continue
        if "httpGet" in probe:
            assert probe["httpGet"]["path"] in local, where
            assert item["metadata"]["name"] != "tvrec-kafka-connect", "its /health asks Kafka"
        elif "exec" in probe:
            assert probe["exec"]["command"][0] in {"python", "pg_isready"}, where
        else:
            assert "tcpSocket" in probe, where
        assert probe["periodSeconds"] * probe.get("failureThreshold", 3) >= 60, where


@EVERY
def test_no_deployment_counts_as_failed_while_an_install_still_waits(values: str) -> None:
    """Helm's --wait ends when a Deployment has failed, whatever its --timeout."""
    scripts = (ROOT / "k8s/minikube.sh").read_text() + (ROOT / "k8s/README.md").read_text()
    timeouts = re.findall(r"(?:TIMEOUT:-|--wait --timeout )(\d+)m", scripts)
    assert len(timeouts) >= 2
    longest = 60 * max(map(int, timeouts))
    for item in k.of_kind(k.manifests(values), "Deployment"):
        assert item["spec"].get("progressDeadlineSeconds", 600) > longest, k.label(item)
    (setup,) = k.of_kind(k.manifests(values), "Job")
    assert setup["spec"]["activeDeadlineSeconds"] > longest


@EVERY
def test_the_test_of_a_release_leaves_nothing(values: str) -> None:
    """Helm's uninstall does not know of it."""
    tests = [item for item in k.manifests(values)
             if "helm.sh/hook" in item["metadata"].get("annotations", {})]  # fmt: skip
    assert {k.label(item) for item in tests} == {"ConfigMap/tvrec-test", "Pod/tvrec-test"}
    for item in tests:
        policy = item["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert set(policy.split(",")) == {"before-hook-creation", "hook-succeeded", "hook-failed"}


@EVERY
def test_every_image_is_pinned(values: str) -> None:
    for where, container, _ in k.containers(k.manifests(values)):
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        assert tag, where
        assert "latest" not in tag, where


def test_our_images_have_the_version_of_the_project() -> None:
    chart = yaml.safe_load((k.CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == mlproject.__version__
    ours = {c["image"] for _, c, _ in k.containers(k.manifests("defaults"))
            if c["image"].startswith("tvrec/")}  # fmt: skip
    assert ours == {f"tvrec/{name}:{mlproject.__version__}" for name in (
        "data-exporter", "event-generator", "model-builder", "recommendations-service",
        "mlflow-server", "kafka-connect")}  # fmt: skip


def test_our_images_can_come_from_another_place() -> None:
    items = k.manifests("defaults", "--set", "images.repository=r.example.com:5000/a,images.tag=x")
    images = {c["image"] for _, c, _ in k.containers(items)}
    assert "r.example.com:5000/a/model-builder:x" in images
    assert not any(image.startswith("tvrec/") for image in images)


@EVERY
def test_every_service_has_pods_behind_each_port(values: str) -> None:
    items = k.manifests(values)
    for service in k.of_kind(items, "Service"):
        behind = [
            pod for _, pod in k.pods(items)
            if k.selects(service["spec"]["selector"], pod["metadata"]["labels"])
        ]  # fmt: skip
        assert len(behind) == 1, f"{k.label(service)} selects {len(behind)} kinds of pods"
        ports = {
            port["name"]
            for container in behind[0]["spec"]["containers"]
            for port in container.get("ports", [])
        }
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports, k.label(service)


@EVERY
def test_every_probe_asks_a_port_that_is_there(values: str) -> None:
    for where, container, _ in k.containers(k.manifests(values)):
        ports = {port["name"] for port in container.get("ports", [])}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.get(kind, {})
            asked = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
            assert asked is None or asked in ports, where


@EVERY
def test_selectors_take_their_own_pods_and_no_others(values: str) -> None:
    items = k.manifests(values)
    for owner in k.of_kind(items, "Deployment", "StatefulSet", "PodDisruptionBudget"):
        selector = owner["spec"]["selector"]["matchLabels"]
        taken = [k.label(item) for item, pod in k.pods(items)
                 if k.selects(selector, pod["metadata"]["labels"])]  # fmt: skip
        assert len(taken) == 1, f"{k.label(owner)} takes {taken}"
        assert owner["metadata"]["name"] in taken[0]


@EVERY
def test_every_mount_has_its_volume(values: str) -> None:
    for item, pod in k.pods(k.manifests(values)):
        there = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        there |= {c["metadata"]["name"] for c in item["spec"].get("volumeClaimTemplates", [])}
        for where, container, _ in k.containers([item]):
            mounts = container.get("volumeMounts", [])
            places = [mount["mountPath"] for mount in mounts]
            assert {mount["name"] for mount in mounts} <= there, where
            assert len(places) == len(set(places)), where


@EVERY
def test_what_the_pods_are_given_is_there(values: str) -> None:
    """ConfigMaps and Secrets with their keys, claims, accounts: the chart's, or the user's."""
    items = k.manifests(values)
    there = set(map(k.label, items))
    keys = {(i["metadata"]["name"], key) for i in k.of_kind(items, "Secret") for key in i["data"]}
    users = set(re.findall(r"existing(?:Secret|Claim): ([a-z0-9-]+)", _text_of(values)))
    for item, pod in k.pods(items):
        where, spec = k.label(item), pod["spec"]
        assert f"ServiceAccount/{spec['serviceAccountName']}" in there, where
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                assert f"ConfigMap/{volume['configMap']['name']}" in there, where
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in users, where
    for where, container, _ in k.containers(items):
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                assert f"ConfigMap/{source['configMapRef']['name']}" in there, where
            else:
                assert source["secretRef"]["name"] in users, where
        for secret, key in _secret_keys(container):
            assert (secret, key) in keys or secret in users, f"{where}: {secret}/{key}"


@EVERY
def test_what_manifests_name_of_each_other_is_there(values: str) -> None:
    items = k.manifests(values)
    there = set(map(k.label, items))
    for scaler in k.of_kind(items, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert f"{target['kind']}/{target['name']}" in there
    for stateful in k.of_kind(items, "StatefulSet"):
        assert f"Service/{stateful['spec']['serviceName']}" in there
    for ingress in k.of_kind(items, "Ingress"):
        for path in ingress["spec"]["rules"][0]["http"]["paths"]:
            assert f"Service/{path['backend']['service']['name']}" in there


@EVERY
def test_no_secret_is_outside_a_secret(values: str) -> None:
    items = k.manifests(values)
    hidden = {
        base64.b64decode(value).decode()
        for item in k.of_kind(items, "Secret")
        for value in item["data"].values()
    }
    for item in items:
        if item["kind"] == "Secret":
            continue
        text = yaml.safe_dump(item)
        assert not any(secret in text for secret in hidden), k.label(item)
    for where, container, _ in k.containers(items):
        for variable in container.get("env", []):
            if re.search("PASSWORD|SECRET|ACCESS_KEY|PROPERTIES|JAAS", variable["name"]):
                assert "secretKeyRef" in variable.get("valueFrom", {}), f"{where}: {variable}"


def test_secrets_are_long_random_and_kept() -> None:
    once, again = (k.of_kind(k.manifests("defaults", "--set", f"images.tag=x{n}"), "Secret")
                   for n in range(2))  # fmt: skip
    assert {item["metadata"]["name"] for item in once} == {"tvrec-minio", "tvrec-postgresql"}
    for item, other in zip(once, again, strict=True):
        assert item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        for key, value in item["data"].items():
            assert len(base64.b64decode(value)) >= 20
            assert value != other["data"][key]


def test_no_secret_is_made_where_the_user_has_one() -> None:
    assert k.of_kind(k.manifests("production"), "Secret") == []


def test_only_the_servers_hold_the_keys_of_the_artifacts() -> None:
    """In production the artifacts have keys of their own, which only MLflow's server gets."""
    holders = {
        where
        for where, container, _ in k.containers(k.manifests("production"))
        for secret, _ in _secret_keys(container)
        if secret == "tvrec-mlflow-s3"
    }
    assert holders == {"Deployment/tvrec-mlflow: mlflow"}


@EVERY
def test_our_pods_know_every_variable_that_they_are_given(values: str) -> None:
    items = k.manifests(values)
    (settings,) = [item for item in k.of_kind(items, "ConfigMap")
                   if item["metadata"]["name"] == "tvrec-settings"]  # fmt: skip
    assert set(settings["data"]) <= config.known_names()
    for where, container, item in k.containers(items):
        pod = dict(k.pods([item]).__next__()[1])
        if k.component(pod["metadata"]["labels"]) not in OURS:
            continue
        for variable in container.get("env", []):
            name = variable["name"]
            assert name in config.known_names() or name in OF_OTHERS, f"{where}: {name}"
            twice = name in settings["data"] and container.get("envFrom")
            assert not twice, f"{where}: {name} is set twice"


JMX_PORT = 9404


@EVERY
def test_prometheus_is_told_the_port_at_which_a_part_answers(
    values: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in OFFSETS:
        (pod,) = [pod for _, pod in k.pods(k.manifests(values))
                  if k.component(pod["metadata"]["labels"]) == part]  # fmt: skip
        (container,) = pod["spec"]["containers"]
        given = {one["name"]: one.get("value") for one in container["env"]}
        monkeypatch.setenv("TVREC_METRICS_PORT", given["TVREC_METRICS_PORT"] or "")
        port = port_of(config.load(), part)
        assert given["TVREC_HOST"] == "0.0.0.0"
        assert container["ports"] == [{"name": "metrics", "containerPort": port}]
        assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port)
        policy = k.named(k.manifests(values), "NetworkPolicy", f"tvrec-{part}")
        assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == [port]


def test_metrics_can_be_off() -> None:
    off = k.manifests("everything", "--set", "metrics.port=0")
    for part in OFFSETS:
        deployment = k.named(off, "Deployment", f"tvrec-{part}")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert "ports" not in container
        assert not {one["name"] for one in container["env"]} & {"TVREC_METRICS_PORT"}
    asked = {item["metadata"]["name"] for item in k.of_kind(off, "ServiceMonitor")}
    assert not asked & {f"tvrec-{part}" for part in OFFSETS}


@pytest.mark.parametrize(
    ("kind", "part"), [("StatefulSet", "kafka"), ("Deployment", "kafka-connect")]
)
def test_the_agent_of_kafka_tells_where_prometheus_asks(kind: str, part: str) -> None:
    items = k.manifests("everything")
    pod = k.named(items, kind, f"tvrec-{part}")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert {"name": "metrics", "containerPort": JMX_PORT} in container["ports"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(JMX_PORT)
    service = k.named(items, "Service", f"tvrec-{part}")["spec"]
    assert {"name": "metrics", "port": JMX_PORT, "targetPort": "metrics"} in service["ports"]


def test_kafka_gets_the_agent_from_the_image_of_connect() -> None:
    items = k.manifests("everything")
    pod = k.named(items, "StatefulSet", "tvrec-kafka")["spec"]["template"]["spec"]
    connect = k.named(items, "Deployment", "tvrec-kafka-connect")["spec"]["template"]["spec"]
    (copying,) = pod["initContainers"]
    assert copying["image"] == connect["containers"][0]["image"]
    *_, folder = copying["command"][-1].split()
    for container in (copying, *pod["containers"]):
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert f"{mounted['agent']}/" == folder
    start = k.named(items, "ConfigMap", "tvrec-kafka")["data"]["start.sh"]
    agent = f"-javaagent:{folder}jmx_prometheus_javaagent.jar={JMX_PORT}:{folder}jmx.yaml"
    assert f'export KAFKA_OPTS="{agent}"' in start


def test_kafka_has_no_agent_unless_it_is_asked_for() -> None:
    items = k.manifests("everything", "--set", "metrics.jmxPort=0")
    pod = k.named(items, "StatefulSet", "tvrec-kafka")["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert "javaagent" not in str(items)


def test_each_part_is_asked_where_the_prometheus_operator_is() -> None:
    items = k.manifests("everything")
    monitored = {k.component(item["spec"]["selector"]["matchLabels"])
                 for item in k.of_kind(items, "ServiceMonitor")}  # fmt: skip
    assert monitored == {"recommendations-service", "kafka", "kafka-connect", *OFFSETS}
    (rules,) = k.of_kind(items, "PrometheusRule")
    assert rules["spec"] == yaml.safe_load((k.CHART / "files" / "alerts.yaml").read_text())


def test_every_setting_can_be_chosen() -> None:
    chosen = set(k.json_schema()["properties"]["settings"]["properties"])
    assert chosen & set(NOT_CHOSEN) == set()
    assert chosen - config.known_names() == set()
    assert config.known_names() - chosen - set(NOT_CHOSEN) == set(), (
        "a new setting: put it into values.schema.json, or say above why not"
    )


@EVERY
def test_the_settings_are_valid(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pods are given is what the program accepts, large numbers too."""
    (settings,) = [item for item in k.of_kind(k.manifests(values), "ConfigMap")
                   if item["metadata"]["name"] == "tvrec-settings"]  # fmt: skip
    for name, value in settings["data"].items():
        monkeypatch.setenv(name, value)
    loaded = config.load()
    if values == "everything":
        assert (loaded.seed_ratings, loaded.holdout) == (5_000_000, 0.25)


@EVERY
def test_the_program_accepts_what_each_pod_is_given(
    values: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = k.manifests(values)
    configs = {item["metadata"]["name"]: item["data"] for item in k.of_kind(items, "ConfigMap")}
    loaded = {}
    for item, pod in k.pods(items):
        if k.component(pod["metadata"]["labels"]) not in OURS - {"test"}:
            continue
        for where, container, _ in k.containers([item]):
            with monkeypatch.context() as environment:
                given = {
                    variable["name"]: variable.get("value", '{"a": "secret"}')
                    for variable in container.get("env", [])
                }
                for source in container.get("envFrom", []):
                    given |= configs[source["configMapRef"]["name"]]
                for name, value in given.items():
                    environment.setenv(name, value)
                loaded[where] = config.load()
    service = loaded["Deployment/tvrec-recommendations-service: recommendations-service"]
    builder = loaded["Deployment/tvrec-model-builder: model-builder"]
    assert service.tracking_uri == builder.tracking_uri == "http://tvrec-mlflow:5000"
    assert service.schema_registry_url == "http://tvrec-schema-registry:8080/apis/ccompat/v7"
    assert service.bucket == builder.bucket, "the snapshot that the builder writes"
    assert service.s3_endpoint_url == builder.s3_endpoint_url
    assert builder.kafka_bootstrap_servers is None, "it reads batches"
    assert builder.bucket
    (setup,) = [settings for where, settings in loaded.items() if where.endswith(": connector")]
    assert setup.connect_url
    assert setup.kafka_bootstrap_servers == service.kafka_bootstrap_servers
    assert setup.topic_replication == (1 if values in {"defaults", "minikube"} else 3)


@EVERY
def test_a_process_has_time_for_its_work_before_it_counts_as_dead(values: str) -> None:
    """The exporter and the builder look at the stop event once a cycle at least."""
    items = k.manifests(values)
    (settings,) = [i["data"] for i in k.of_kind(items, "ConfigMap")
                   if i["metadata"]["name"] == "tvrec-settings"]  # fmt: skip
    for where, container, _ in k.containers(items):
        for part, name in (
            ("data-exporter", "TVREC_EXPORT_INTERVAL"),
            ("model-builder", "TVREC_BUILD_INTERVAL"),
        ):
            if where.endswith(f": {part}"):
                code = container["livenessProbe"]["exec"]["command"][2]
                assert int(code.rsplit("> ", 1)[1].rstrip(")")) >= 2 * int(settings[name]) + 1800


@EVERY
def test_two_renderings_are_equal_but_for_the_secrets(values: str) -> None:
    def without_secrets(*arguments: str) -> list[k.Manifest]:
        return [item for item in k.manifests(values, *arguments) if item["kind"] != "Secret"]

    assert without_secrets() == without_secrets("--skip-schema-validation")


def test_the_setup_job_has_a_new_name_when_it_does_something_else() -> None:
    def name(*arguments: str) -> str:
        (job,) = k.of_kind(k.manifests("defaults", *arguments), "Job")
        return str(job["metadata"]["name"])

    assert name() == name("--set", "modelBuilder.image=x/y:1")
    assert name() != name("--set", "s3.bucket=another")
    assert name() != name("--set", "settings.TVREC_EPOCHS=3")


def test_only_what_has_changed_is_restarted() -> None:
    """State is not restarted by a new version of ours, nor anything by another part's change."""

    def templates(*arguments: str) -> dict[str, k.Manifest]:
        items = k.of_kind(k.manifests("defaults", *arguments), "Deployment", "StatefulSet")
        return {item["metadata"]["name"].removeprefix("tvrec-"): item["spec"] for item in items}

    before = templates()

    def changed(setting: str) -> set[str]:
        after = templates("--set", setting)
        return {name for name in before if before[name] != after[name]}

    ours = {"data-exporter", "event-generator", "model-builder", "recommendations-service"}
    assert changed("images.tag=another") == ours | {"kafka-connect", "mlflow"}
    assert changed("settings.TVREC_EPOCHS=3") == ours
    assert changed("kafka.heap=600m") == {"kafka"}
    assert changed("test.deadlineSeconds=99") == set()


def test_the_commands_are_those_of_make_run() -> None:
    procfile = (ROOT / "Procfile").read_text()
    for where, container, item in k.containers(k.manifests("defaults")):
        if item["kind"] == "Deployment" and container.get("command", [""])[0] == "tvrec":
            assert f": {' '.join(container['command'])}\n" in procfile, where


def test_an_upgrade_of_the_service_fails_no_request() -> None:
    (service,) = [item for item in k.of_kind(k.manifests("production"), "Deployment")
                  if item["metadata"]["name"] == "tvrec-recommendations-service"]  # fmt: skip
    assert service["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in service["spec"], "the autoscaler's"
    pod = service["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pause > container["readinessProbe"]["periodSeconds"]
    assert pod["terminationGracePeriodSeconds"] >= pause + 30


@EVERY
@pytest.mark.parametrize("name", ["model-builder", "event-generator", "mlflow"])
def test_what_must_be_single_is_single(values: str, name: str) -> None:
    (found,) = [item for item in k.of_kind(k.manifests(values), "Deployment")
                if item["metadata"]["name"] == f"tvrec-{name}"]  # fmt: skip
    assert found["spec"]["replicas"] == 1
    assert found["spec"]["strategy"] == {"type": "Recreate"}


def test_mlflow_is_reached_by_every_name_of_its_service() -> None:
    (mlflow,) = [c for where, c, _ in k.containers(k.manifests("everything"))
                 if where == "Deployment/tvrec-mlflow: mlflow"]  # fmt: skip
    (hosts,) = [a for a in mlflow["command"] if a.startswith("--allowed-hosts=")]
    allowed = hosts.removeprefix("--allowed-hosts=").split(",")
    assert {"tvrec-mlflow", "tvrec-mlflow:5000", "tvrec-mlflow.tvrec.svc.cluster.local:5000",
            "localhost:*", "mlflow.example.com"} <= set(allowed)  # fmt: skip
    assert "*" not in allowed


@pytest.mark.parametrize("replicas", [1, 3, 5])
def test_kafka_votes_and_copies_fit_the_number_of_brokers(replicas: int) -> None:
    items = k.manifests("defaults", "--set", f"kafka.replicas={replicas}")
    (settings,) = [item for item in k.of_kind(items, "ConfigMap")
                   if item["metadata"]["name"] == "tvrec-kafka"]  # fmt: skip
    text = settings["data"]["server.properties"]
    properties = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    voters = properties["controller.quorum.voters"].split(",")
    assert voters[-1] == (
        f"{replicas - 1}@tvrec-kafka-{replicas - 1}.tvrec-kafka-headless.tvrec.svc:9093"
    )
    assert len(voters) == replicas
    assert int(properties["default.replication.factor"]) == min(3, replicas)
    assert int(properties["min.insync.replicas"]) == min(2, replicas)
    factors = {
        variable["value"]
        for _, container, _ in k.containers(items)
        for variable in container.get("env", [])
        if "REPLICATION" in variable["name"]
    }
    assert factors == {str(min(3, replicas))}, "of the topics, and of those of Kafka Connect"
    (cluster,) = {
        variable["value"]
        for _, container, _ in k.containers(items)
        for variable in container.get("env", [])
        if variable["name"] == "CLUSTER_ID"
    }
    assert len(base64.urlsafe_b64decode(cluster + "==")) == 16


WRONG = {
    "kafka.replica=3": "additional properties 'replica' not allowed",
    "kafka.replicas=2": "/kafka/replicas",
    "kafka.image=apache/kafka:latest": "/kafka/image",
    "kafka.image=apache/kafka": "/kafka/image",
    "kafka.image=": "/kafka/image",
    "images.tag=latest": "/images/tag",
    "settings.TVREC_EPOCH=3": "additional properties 'TVREC_EPOCH' not allowed",
    "settings.AWS_SECRET_ACCESS_KEY=x": "not allowed",
    "modelBuilder.resources.limits.memory=2GB": "/modelBuilder/resources/limits/memory",
    "recommendationsService.ingress.enabled=yes please": "/recommendationsService/ingress/enabled",
    "kafka.enabled=false": "kafka.external.bootstrapServers is needed",
    "schemaRegistry.enabled=false": "schemaRegistry.external.url is needed",
    "postgresql.enabled=false": "postgresql.external.host is needed",
    "recommendationsService.ingress.enabled=true": "ingress.host is needed",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_in_the_values_is_refused(wrong: str) -> None:
    done = k.helm("template", k.RELEASE, k.CHART, "--set", wrong)
    assert done.returncode != 0
    assert WRONG[wrong] in done.stderr


def test_the_schema_is_closed_everywhere() -> None:
    def walk(node: Any, path: str) -> None:
        if isinstance(node, list):
            for number, item in enumerate(node):
                walk(item, f"{path}/{number}")
        elif isinstance(node, dict):
            if node.get("type") == "object":
                extra = node.get("additionalProperties")
                assert extra is False or extra == {"type": "string"}, f"{path} is open"
            for name, item in node.items():
                walk(item, f"{path}/{name}")

    schema = k.json_schema()
    walk(schema, "")
    defaults = yaml.safe_load((k.CHART / "values.yaml").read_text())
    assert set(defaults) == set(schema["properties"]) - {"global"}


def _text_of(values: str) -> str:
    path = k.VALUES[values]
    return path.read_text() if path else ""


def _secret_keys(container: k.Manifest) -> list[tuple[str, str]]:
    return [
        (source["name"], source["key"])
        for variable in container.get("env", [])
        if (source := variable.get("valueFrom", {}).get("secretKeyRef"))
    ]


def test_the_production_secrets_are_told_how_to_make() -> None:
    guide = (ROOT / "k8s/README.md").read_text()
    for secret in re.findall(r"existingSecret: ([a-z0-9-]+)", _text_of("production")):
        assert secret in guide, secret


@EVERY
def test_nothing_of_a_deleted_run_is_left_in_the_database(values: str) -> None:
    """`mlflow gc` alone leaves its inputs and its data sets."""
    items = k.manifests(values)
    gc = k.named(items, "ConfigMap", "tvrec-mlflow")["data"]["mlflow_gc.py"]
    assert gc.strip() == (ROOT / "mlproject/registry/mlflow_gc.py").read_text().strip()
    (rows,) = [c for where, c, _ in k.containers(items) if where == "Deployment/tvrec-mlflow: rows"]
    assert "| python /etc/mlflow/mlflow_gc.py http://127.0.0.1:5000 7d" in rows["command"][-1]
    assert {"name": "files", "mountPath": "/etc/mlflow"} in rows["volumeMounts"]
    deployment = k.named(items, "Deployment", "tvrec-mlflow")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    assert {"name": "files", "configMap": {"name": "tvrec-mlflow"}} in volumes


def test_the_chart_runs_a_copy_of_our_own_file() -> None:
    copy = (ROOT / "k8s/chart/files/mlflow_gc.py").read_bytes()
    assert copy == (ROOT / "mlproject/registry/mlflow_gc.py").read_bytes()
