"""The chart against a real kube-apiserver with etcd: `make test-apiserver` builds and runs it.

There is no kubelet and no controller, so nothing starts: what is tested is that every manifest
is admitted, that a second apply changes nothing, and that Helm keeps the Secrets it has made.
"""

import base64
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import kubernetes as k
from tests.servers import free_port, wait_until

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Cluster:
    """A kube-apiserver and how to reach it."""

    kubeconfig: Path

    def kubectl(
        self, *arguments: str | Path, given: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [k.on_path("kubectl"), "--kubeconfig", self.kubeconfig, *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def helm(self, *arguments: str | Path) -> None:
        done = k.helm(*arguments, KUBECONFIG=str(self.kubeconfig))
        assert done.returncode == 0, done.stderr

    def versions(self, namespace: str, kinds: str) -> dict[str, str]:
        """The resource version of each object: it moves with every change."""
        done = self.kubectl("get", kinds, "--namespace", namespace, "--output", "json")
        assert done.returncode == 0, done.stderr
        return {
            k.label(item): item["metadata"]["resourceVersion"]
            for item in json.loads(done.stdout)["items"]
        }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    etcd = k.tool("etcd", "ETCD_VERSION", "test-apiserver")
    apiserver = k.tool("kube-apiserver", "KUBERNETES_VERSION", "test-apiserver")
    k.on_path("kubectl")
    folder = tmp_path_factory.mktemp("cluster")
    store, peer, port = free_port(), free_port(), free_port()
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f"{token},tester,1,system:masters\n")
    (folder / "tokens.csv").chmod(0o600)
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    kubeconfig = folder / "config"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [
                    {
                        "name": "test",
                        "cluster": {
                            "server": f"https://127.0.0.1:{port}",
                            # Its certificate is made by itself, in this folder, for this run.
                            "insecure-skip-tls-verify": True,
                        },
                    }
                ],
                "users": [{"name": "test", "user": {"token": token}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    kubeconfig.chmod(0o600)
    commands = [
        [
            *(etcd, "--data-dir", folder / "etcd", "--unsafe-no-fsync"),
            f"--listen-client-urls=http://127.0.0.1:{store}",
            f"--advertise-client-urls=http://127.0.0.1:{store}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
        ],
        [
            *(apiserver, f"--etcd-servers=http://127.0.0.1:{store}"),
            *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"),
            *(f"--secure-port={port}", f"--cert-dir={folder / 'certificates'}"),
            *(f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"),
            *("--service-account-issuer=https://test", f"--service-account-key-file={key}"),
            *(
                f"--service-account-signing-key-file={key}",
                "--service-cluster-ip-range=10.0.0.0/24",
            ),
        ],
    ]
    made = Cluster(kubeconfig)
    running: list[subprocess.Popen[bytes]] = []
    try:
        with (folder / "log").open("wb") as log:
            running.extend(
                subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
                for command in commands
            )
            wait_until(lambda: made.kubectl("get", "--raw", "/readyz").stdout == "ok", 90, "readyz")
        crd = k.tool("monitoring-crds", "PROMETHEUS_OPERATOR_VERSION", "test-apiserver")
        for arguments in (
            ("apply", "--server-side", "--filename", crd),
            ("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"),
        ):
            done = made.kubectl(*arguments)
            assert done.returncode == 0, done.stderr
        yield made
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """The namespace of the chart, in which a pod that is not restricted is refused."""
    restricted = {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")
    }
    name = f"test-{time.time_ns()}"
    definition = {"apiVersion": "v1", "kind": "Namespace",
                  "metadata": {"name": name, "labels": restricted}}  # fmt: skip
    assert cluster.kubectl("create", "-f", "-", given=json.dumps(definition)).returncode == 0
    # Without a namespace controller its objects stay; nobody else uses the name.
    return name


@pytest.mark.parametrize("values", k.VALUES)
def test_it_takes_every_manifest_and_a_second_apply_changes_nothing(
    cluster: Cluster, namespace: str, values: str
) -> None:
    text = k.rendered(values).replace("namespace: tvrec\n", f"namespace: {namespace}\n")
    kinds = ",".join(sorted({item["kind"] for item in k.manifests(values)}))
    apply = ("apply", "--server-side", "--field-manager=test", "--validate=strict", "-f", "-")
    first = cluster.kubectl(*apply, given=text)
    assert first.returncode == 0, first.stderr
    assert first.stderr == "", "a warning, such as of a pod that is not restricted"
    before = cluster.versions(namespace, kinds)
    second = cluster.kubectl(*apply, given=text)
    assert second.returncode == 0, second.stderr
    assert cluster.versions(namespace, kinds) == before
    assert {k.label(item) for item in k.manifests(values)} <= set(before)


def test_a_pod_that_is_not_restricted_is_refused(cluster: Cluster, namespace: str) -> None:
    """The check above can fail."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": namespace},
        "spec": {"containers": [{"name": "root", "image": "a:1"}]},
    }
    done = cluster.kubectl("apply", "-f", "-", given=json.dumps(pod))
    assert done.returncode != 0
    assert "forbidden" in done.stderr


def test_an_upgrade_keeps_the_secrets_and_an_unchanged_one_changes_nothing(
    cluster: Cluster, namespace: str
) -> None:
    kinds = "secrets,configmaps,services,deployments,statefulsets,jobs,networkpolicies"

    def install(*arguments: str) -> tuple[dict[str, str], dict[str, str]]:
        cluster.helm(
            *("upgrade", "--install", k.RELEASE, k.CHART, "--namespace", namespace),
            *k.values_arguments("minikube"),
            *arguments,
        )
        there = {
            name: version
            for name, version in cluster.versions(namespace, kinds).items()
            if "sh.helm.release" not in name
        }
        return there, passwords()

    def passwords() -> dict[str, str]:
        done = cluster.kubectl("get", "secrets", "-n", namespace, "-o", "json")
        return {
            f"{item['metadata']['name']}/{key}": value
            for item in json.loads(done.stdout)["items"]
            if item["type"] == "Opaque"
            for key, value in item["data"].items()
        }

    first, made = install()
    assert len(made) == 5
    assert all(len(base64.b64decode(value)) >= 20 for value in made.values())
    second, kept = install()
    assert kept == made
    assert second == first, "an upgrade that changes nothing"
    third, kept = install("--set", "settings.TVREC_EPOCHS=3")
    assert kept == made
    changed = {name for name in first if third.get(name) != first[name]}
    assert "Deployment.apps/tvrec-kafka" not in changed
    assert {"ConfigMap/tvrec-settings", "Deployment/tvrec-model-builder"} <= changed
    assert not {"StatefulSet/tvrec-kafka", "StatefulSet/tvrec-minio"} & changed
    cluster.helm("uninstall", k.RELEASE, "--namespace", namespace, "--no-hooks")
    assert passwords() == made, "they belong to the volumes, which stay too"
    again, kept = install()
    assert kept == made
    assert set(again) == set(first)


def test_a_misspelt_field_is_refused(cluster: Cluster, namespace: str) -> None:
    text = k.rendered("defaults").replace("namespace: tvrec\n", f"namespace: {namespace}\n")
    wrong = text.replace("livenessProbe:", "livenesProbe:")
    done = cluster.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", given=wrong)
    assert done.returncode != 0
    assert "livenesProbe" in done.stderr
    assert os.environ.get("KUBECONFIG") != str(cluster.kubeconfig)
