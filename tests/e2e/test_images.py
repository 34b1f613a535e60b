"""The images together, as Kubernetes would run them: no root, nothing writable but the state."""

import json
import shutil
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from mlproject import __version__
from tests.servers import answers, wait_until

DEPLOYABLES = (
    "data-exporter",
    "event-generator",
    "mlflow-server",
    "model-builder",
    "recommendations-service",
)
LOCKED = (
    *("--user", "10001:10001", "--read-only", "--tmpfs", "/tmp"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
SECONDS_TO_STOP = 30  # Kubernetes' own patience


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def why_not(*names: str) -> str | None:
    """Why images cannot be run here, or None."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    if not docker("info", "--format", "{{.ServerVersion}}", check=False):
        return "no Docker engine answers"
    for name in names:
        if not docker("image", "ls", "--quiet", f"tvrec/{name}:{__version__}"):
            return f"there is no image tvrec/{name}:{__version__} (make images)"
    return None


@dataclass
class Stack:
    """Containers on a network of their own."""

    prefix: str = field(default_factory=lambda: f"tvrec-test-{uuid.uuid4().hex[:8]}")
    started: list[str] = field(default_factory=list)

    def start(self, name: str, volume: str, *flags: str, **settings: str) -> None:
        environment = [f"--env={key}={value}" for key, value in settings.items()]
        docker(
            *("run", "--detach", "--name", f"{self.prefix}-{name}", *LOCKED),
            *("--network", self.prefix, "--network-alias", name),
            *("--volume", f"{self.prefix}-{volume}:/var/lib/tvrec"),
            *(*flags, *environment, f"tvrec/{name}:{__version__}"),
        )
        self.started.append(name)

    def log(self, name: str) -> str:
        done = subprocess.run(
            ["docker", "logs", f"{self.prefix}-{name}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    def inspect(self, name: str, template: str) -> str:
        return docker("inspect", "--format", template, f"{self.prefix}-{name}")

    def address(self, name: str, port: int) -> str:
        return f"http://{docker('port', f'{self.prefix}-{name}', str(port)).splitlines()[0]}"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if reason := why_not(*DEPLOYABLES):
        pytest.skip(reason)
    stack = Stack()
    docker("network", "create", stack.prefix)
    try:
        tracking = {"MLFLOW_TRACKING_URI": "http://mlflow-server:5000"}
        stack.start(
            *("mlflow-server", "mlflow", "--publish", "127.0.0.1::5000"),
            MLFLOW_SERVER_ALLOWED_HOSTS="mlflow-server:5000,127.0.0.1:*",
        )
        stack.start("data-exporter", "state")
        stack.start(
            *("event-generator", "state"), TVREC_SEED_USERS="300", TVREC_SEED_RATINGS="15000"
        )
        stack.start(
            *("model-builder", "state"), **tracking, TVREC_BUILD_INTERVAL="10", TVREC_EPOCHS="5"
        )
        stack.start(
            *("recommendations-service", "state", "--publish", "127.0.0.1::3000"),
            **tracking,
            TVREC_POLL_SECONDS="1",
        )
        yield stack
    finally:
        for name in stack.started:
            docker("rm", "--force", "--volumes", f"{stack.prefix}-{name}", check=False)
        for volume in ("mlflow", "state"):
            docker("volume", "rm", "--force", f"{stack.prefix}-{volume}", check=False)
        docker("network", "rm", stack.prefix, check=False)


def logs(stack: Stack) -> str:
    return "\n".join(f"== {name}\n{stack.log(name)[-2000:]}" for name in stack.started)


@pytest.mark.e2e
def test_from_a_rating_to_an_answer(stack: Stack) -> None:
    service = stack.address("recommendations-service", 3000)

    def ready() -> bool:
        for name in DEPLOYABLES:
            assert stack.inspect(name, "{{.State.Running}}") == "true", f"{name} ended"
        return answers(f"{service}/readyz")

    try:
        wait_until(ready, 240, "a model in production")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{logs(stack)}") from error
    request = urllib.request.Request(
        f"{service}/recommend",
        json.dumps({"user_id": 1, "num_items": 5}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    assert answer["source"] == "personalized"
    assert len(answer["items"]) == 5


@pytest.mark.e2e
@pytest.mark.parametrize("name", DEPLOYABLES)
def test_it_works_as_nobody_and_without_a_complaint(stack: Stack, name: str) -> None:
    assert stack.inspect(name, "{{.State.Running}}") == "true", stack.log(name)
    log = stack.log(name)
    for complaint in ("Traceback", "Read-only file system", "Permission denied", "OpenMP"):
        assert complaint not in log, log
    held = f"{stack.prefix}-{name}"
    assert docker("exec", held, "id", "-u") == "10001"
    added = docker("exec", held, "ls", "/opt/tvrec/bin", "/usr/bin").split()
    assert not {"pip", "uv", "cc", "gcc"} & set(added)


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["mlflow-server", "recommendations-service"])
def test_its_health_check_passes(stack: Stack, name: str) -> None:
    wait_until(
        lambda: stack.inspect(name, "{{.State.Health.Status}}") == "healthy", 60, f"{name} healthy"
    )


# After the others: this ends the containers, those that ask MLflow first.
@pytest.mark.e2e
@pytest.mark.parametrize(
    "name",
    [
        "data-exporter",
        "event-generator",
        "model-builder",
        "recommendations-service",
        "mlflow-server",
    ],
)
def test_sigterm_ends_it(stack: Stack, name: str) -> None:
    began = time.monotonic()
    docker("stop", "--time", str(SECONDS_TO_STOP), f"{stack.prefix}-{name}")
    assert time.monotonic() - began < SECONDS_TO_STOP, "it had to be killed"
    assert stack.inspect(name, "{{.State.ExitCode}}") in {"0", "143"}, stack.log(name)


@pytest.mark.e2e
def test_spark_works_locked_down() -> None:
    if reason := why_not("spark"):
        pytest.skip(reason)
    report = docker(
        *("run", "--rm", *LOCKED, "--tmpfs", "/var/lib/tvrec"),
        *(f"tvrec/spark:{__version__}", "tvrec", "spark", "ingest", "--json"),
    )
    assert json.loads(report)["generation"] == 0


BROKER = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
advertised.listeners=PLAINTEXT://kafka:9092
controller.listener.names=CONTROLLER
log.dirs=/tmp/kafka
offsets.topic.replication.factor=1
"""
START_BROKER = """
printf '%s' "$BROKER" >/tmp/broker.properties
java kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c /tmp/broker.properties
exec java kafka.Kafka /tmp/broker.properties
"""


@pytest.mark.e2e
def test_connect_starts_locked_down_and_has_the_sink() -> None:
    if reason := why_not("kafka-connect"):
        pytest.skip(reason)
    image, prefix = f"tvrec/kafka-connect:{__version__}", f"tvrec-test-{uuid.uuid4().hex[:8]}"
    kafka, connect = f"{prefix}-kafka", f"{prefix}-connect"
    run = ("run", "--detach", "--network", prefix, *LOCKED)
    docker("network", "create", prefix)
    try:
        docker(
            *(*run, "--name", kafka, "--network-alias", "kafka", "--entrypoint", "bash"),
            *("--env", f"BROKER={BROKER}", "--env", "CLASSPATH=/opt/connect/kafka/*"),
            *(image, "-c", START_BROKER),
        )
        one = [
            f"--env=CONNECT_{kind}_STORAGE_REPLICATION_FACTOR=1"
            for kind in ("CONFIG", "OFFSET", "STATUS")
        ]
        docker(
            *(*run, "--name", connect, "--publish", "127.0.0.1::8083", *one),
            *("--env", "CONNECT_BOOTSTRAP_SERVERS=kafka:9092", image),
        )
        address = f"http://{docker('port', connect, '8083').splitlines()[0]}"
        wait_until(lambda: answers(f"{address}/health"), 240, "Connect's /health")
        with urllib.request.urlopen(f"{address}/connector-plugins", timeout=10) as response:
            plugins = [plugin["class"] for plugin in json.load(response)]
        assert plugins == ["tvrec.connect.BatchSinkConnector"]
        docker("stop", "--time", str(SECONDS_TO_STOP), connect)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", connect) in {"0", "143"}
    finally:
        docker("rm", "--force", "--volumes", kafka, connect, check=False)
        docker("network", "rm", prefix, check=False)
