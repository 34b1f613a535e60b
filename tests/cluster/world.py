"""A real Kubernetes node of this machine's own, and the chart on it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import kubernetes as k
from tests.cluster.programs import HAMMER, LOOKER, RATER, READER
from tests.servers import ROOT, environment, wait_until

SCRIPTS = ROOT / "k8s" / "cluster"
MINIKUBE = ROOT / "k8s" / "values-minikube.yaml"
NAMESPACE = "tvrec"
SERVICE = "app.kubernetes.io/component=recommendations-service"
NETWORK = "/var/run/netns/tvrec-node"


@dataclass(frozen=True)
class Cluster:
    """The node, and how to reach it."""

    folder: Path
    tag: str
    namespace: str = NAMESPACE

    def kubectl(self, *arguments: str, given: str = "", seconds: float = 600) -> str:
        """Run kubectl in the namespace."""
        done = subprocess.run(
            [
                k.on_path("kubectl"),
                *("--kubeconfig", str(self.folder / "admin.conf"), "--namespace", self.namespace),
                *arguments,
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def helm(self, *arguments: str | Path, seconds: float = 1500) -> str:
        """Run Helm in the namespace."""
        program = k.tool("helm", "HELM_VERSION", "chart-tools")
        done = subprocess.run(
            [program, *arguments, "--namespace", self.namespace],
            env=environment(KUBECONFIG=str(self.folder / "admin.conf"), HELM_NO_PLUGINS="1"),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert done.returncode == 0, f"helm {arguments}: {done.stdout}{done.stderr}\n{self.told()}"
        return done.stdout

    def create_namespace(self) -> None:
        """Make the namespace, in which pods must be as `restricted` wants them."""
        restricted = {
            f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
        }
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": restricted},
        }
        self.kubectl("create", "--filename", "-", given=json.dumps(namespace))

    def install(
        self, *arguments: str | Path, chart: Path = k.CHART, values: Path = MINIKUBE
    ) -> None:
        """Install or upgrade the chart with our images, and wait until all is ready."""
        self.helm(
            *("upgrade", "--install", k.RELEASE, chart),
            *("--values", values, "--values", SCRIPTS / "values.yaml"),
            *("--set-string", f"images.tag={self.tag}", "--set", "images.pullPolicy=Never"),
            *arguments,
            *("--wait", "--timeout", "20m"),
        )

    def test(self) -> str:
        """Run the test of the release: a rating, a build after it, its version in the answers."""
        return self.helm("test", k.RELEASE, "--logs", "--timeout", "16m")

    def ready(self, minutes: float = 10, instance: str = k.RELEASE) -> None:
        """Wait until every part of a release is ready."""
        for kind in ("deployment", "statefulset"):
            self.kubectl(
                *(
                    "rollout",
                    "status",
                    kind,
                    "--selector",
                    f"app.kubernetes.io/instance={instance}",
                ),
                *("--timeout", f"{60 * minutes:.0f}s"),
                seconds=60 * minutes * 9,
            )

    def restarts(self) -> dict[str, int]:
        """How often the containers of each part were started again."""
        items = json.loads(self.kubectl("get", "pods", "--output", "json"))["items"]
        return {
            item["metadata"]["name"]: sum(
                status["restartCount"] for status in item["status"].get("containerStatuses", [])
            )
            for item in items
        }

    def pods(self, *selector: str) -> list[dict[str, Any]]:
        """The pods that run and are not about to end, the newest first; by labels."""
        labels = ("--selector", ",".join(selector)) if selector else ()
        told = self.kubectl("get", "pods", *labels, "--output", "json")
        running = [
            item
            for item in json.loads(told)["items"]
            if item["status"]["phase"] == "Running" and "deletionTimestamp" not in item["metadata"]
        ]
        return sorted(
            running, key=lambda item: str(item["metadata"]["creationTimestamp"]), reverse=True
        )

    def probe(self, pod: str, host: str, port: int) -> bool:
        """Whether a connection from a pod is accepted within two seconds."""
        connect = f"timeout 2 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo open || echo no"
        return self.kubectl("exec", pod, "--", "bash", "-c", connect).strip() == "open"

    def address(self, service: str) -> str:
        """The address of a service of the chart, from the node."""
        ip = self.kubectl("get", "service", service, "--output", "jsonpath={.spec.clusterIP}")
        port = self.kubectl("get", "service", service, "--output", "jsonpath={.spec.ports[0].port}")
        return f"http://{ip}:{port}"

    @contextmanager
    def hammered(self, seconds: float, pause: float = 0.1) -> Iterator[dict[str, int]]:
        """Ask the service for shows meanwhile; how the requests ended is known after the block."""
        ends: dict[str, int] = {}
        with self._client(HAMMER, str(seconds), str(pause)) as process:
            yield ends
            ends |= json.loads(process.communicate(timeout=seconds + 60)[0])

    @contextmanager
    def no_rating_lost(self, seconds: float) -> Iterator[None]:
        """Rate shows meanwhile; each rating that was acknowledged is in the batches once."""
        user = 2_100_000_000 + int(time.time()) % 1_000_000
        with self._client(RATER, str(seconds), str(user)) as process:
            yield
            taken = json.loads(process.communicate(timeout=seconds + 60)[0])
        assert taken, "no rating was acknowledged"
        kept: dict[str, Any] = {}

        def arrived() -> bool:
            kept.update(self._kept(user))
            return set(taken) <= set(kept["ids"])

        wait_until(arrived, 240, "each acknowledged rating in the batches")
        assert len(kept["ids"]) == len(set(kept["ids"]))
        for partition, counts in kept["places"].items():
            assert set(counts.values()) == {1}, f"partition {partition} has an offset twice"
            assert len(counts) == 1 + max(map(int, counts)), f"partition {partition} has a hole"

    def _kept(self, user: int) -> dict[str, Any]:
        """A user's events in the batches, and the offsets that are there."""
        pod = "deployment/tvrec-model-builder"
        told = self.kubectl("exec", pod, "--", "python", "-c", READER, str(user))
        kept: dict[str, Any] = json.loads(told)
        return kept

    def versions_served(self, version: int, seconds: float) -> list[int]:
        """What each replica of the service has, once all have a version or the time is over."""
        ips = [item["status"]["podIP"] for item in self.pods(SERVICE)]
        done = subprocess.run(
            [
                *("nsenter", f"--net={NETWORK}", sys.executable, "-c", LOOKER),
                *(str(version), str(seconds), *(f"http://{ip}:3000" for ip in ips)),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 60,
        )
        served: list[int] = json.loads(done.stdout)
        return served

    def _client(self, program: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a client of the service on the node; the address is its first argument."""
        address = self.address("tvrec-recommendations-service")
        return subprocess.Popen(
            ["nsenter", f"--net={NETWORK}", sys.executable, "-c", program, address, *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Cut every pod off from all others and from the node."""
        bridge = ["nsenter", f"--net={NETWORK}", "ip", "link", "set", "cni0"]
        subprocess.run([*bridge, "down"], check=True)
        try:
            yield
        finally:
            subprocess.run([*bridge, "up"], check=True)

    def told(self) -> str:
        """What a failed test should show."""
        return self.kubectl("get", "pods", "--output", "wide") + self.kubectl(
            "get", "events", "--field-selector", "type=Warning", "--sort-by", "lastTimestamp"
        )

    def script(self, command: str, *arguments: str) -> None:
        """Run node.sh."""
        subprocess.run([SCRIPTS / "node.sh", command, self.folder, *arguments], check=True)


def without_claims(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Manifests whose state goes with their pods."""
    for item in k.of_kind(items, "StatefulSet"):
        del item["spec"]["volumeClaimTemplates"]
        item["spec"]["template"]["spec"]["volumes"].append({"name": "data", "emptyDir": {}})
    return items


def missing() -> list[str]:
    """What this machine lacks for a node."""
    done = subprocess.run(
        [SCRIPTS / "node.sh", "missing"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def images(tag: str) -> list[str]:
    """The images that the chart needs, built where there is no registry."""
    done = subprocess.run(
        [SCRIPTS / "images.sh", tag], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.split()


@contextmanager
def cluster(folder: Path, tag: str) -> Iterator[Cluster]:
    """A node with the images in it; it is taken down again, whatever happens.

    But with KEEP=1 it stays, and one that is there is taken as it is.
    """
    made, keep = Cluster(folder, tag), os.environ.get("KEEP") == "1"
    try:
        if not (keep and folder.exists()):
            _start(made)
        yield made
    finally:
        if not keep:
            made.script("down")


def _start(made: Cluster) -> None:
    loaded = images(made.tag)
    began = time.monotonic()
    made.script("up")
    made.script("load", *loaded)
    made.create_namespace()
    print(f"\nthe node is up, its images loaded: {time.monotonic() - began:.0f} s")
