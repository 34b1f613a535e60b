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

from tests import kubernetes as k
from tests.servers import ROOT, environment

SCRIPTS = ROOT / "k8s" / "cluster"
MINIKUBE = ROOT / "k8s" / "values-minikube.yaml"
NAMESPACE = "tvrec"
NETWORK = "/var/run/netns/tvrec-node"
# A request each PAUSE seconds, each on a connection of its own; prints how each ended.
HAMMER = """
import collections, json, sys, time, urllib.error, urllib.request
address, end, ends = sys.argv[1], time.monotonic() + float(sys.argv[2]), collections.Counter()
pause = float(sys.argv[3])
body = json.dumps({"user_id": 1, "num_items": 3}).encode()
while time.monotonic() < end:
    began = time.monotonic()
    request = urllib.request.Request(
        f"{address}/recommend", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            ends[f"{answer.status} of {json.load(answer)['model_version']}"] += 1
    except urllib.error.HTTPError as error:
        ends[str(error.code)] += 1
    except OSError as error:
        ends[repr(error)[:80]] += 1
    time.sleep(max(0, pause - (time.monotonic() - began)))
print(json.dumps(ends))
"""


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
        program = [sys.executable, "-c", HAMMER, self.address("tvrec-recommendations-service")]
        with subprocess.Popen(
            ["nsenter", f"--net={NETWORK}", *program, str(seconds), str(pause)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            yield ends
            ends |= json.loads(process.communicate(timeout=seconds + 60)[0])

    def told(self) -> str:
        """What a failed test should show."""
        return self.kubectl("get", "pods", "--output", "wide") + self.kubectl(
            "get", "events", "--field-selector", "type=Warning", "--sort-by", "lastTimestamp"
        )

    def script(self, command: str, *arguments: str) -> None:
        """Run node.sh."""
        subprocess.run([SCRIPTS / "node.sh", command, self.folder, *arguments], check=True)


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
