"""Real processes for the tests that need them."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mlproject.objects.s3 import S3Store, s3_client
from stack.install import default_cache, installed

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

MOCK_BROKER = """
import sys
from tests.mock_kafka import mock_kafka
with mock_kafka() as cluster:
    print(cluster.servers, flush=True)
    sys.stdin.read()
"""


def free_port() -> int:
    """A port below those that Linux gives to clients, so that it is free until it is used."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(done: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def environment(**settings: str) -> dict[str, str]:
    """The environment of a process under test: the installed commands, no settings but these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TVREC_", "MLFLOW_", "S3_", "AWS_"))
    }
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", **settings}


@contextmanager
def mock_broker() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Start librdkafka's mock cluster in a process that can be stopped; yield its address too."""
    with subprocess.Popen(
        [sys.executable, "-c", MOCK_BROKER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip(), process
        finally:
            process.kill()


@contextmanager
def bento_service(state: Path, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Start the REST service, with no MLflow to follow; yield its address and its process."""
    port = free_port()
    state.mkdir(parents=True, exist_ok=True)
    with (state / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(BIN / "bentoml", "serve", "bento/service.py:RecommendationsService"),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            cwd=ROOT,
            env=environment(
                TVREC_STATE_DIR=str(state),
                MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}",
                BENTOML_HOME=str(state / "bentoml"),
                BENTOML_DO_NOT_TRACK="True",
                OTEL_SDK_DISABLED="true",
                **settings,
            ),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{url}/livez"), 120, "the service's /livez")
        yield url, process
    finally:
        kill_all(state)
        process.wait(timeout=30)


@contextmanager
def mlflow_server(
    folder: Path, artifacts: str | None = None, runs: str | None = None, **settings: str
) -> Iterator[str]:
    """Start an MLflow server that keeps everything in a folder, unless told; yield its address."""
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                *(BIN / "mlflow", "server", "--serve-artifacts"),
                *("--backend-store-uri", runs or f"sqlite:///{folder}/mlflow.db"),
                *("--artifacts-destination", artifacts or folder / "artifacts"),
                *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            ],
            env=environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false", **settings),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: answers(f"{uri}/health"), 240, "MLflow's /health")
        yield uri
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def postgresql() -> Iterator[tuple[str, Path]]:
    """Start a PostgreSQL with an empty database; yield its address and its log.

    Skips the test where there is none. It does not run as root, so root gives it to nobody.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (found[-1] if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL: initdb is not on the path (Debian: apt install postgresql)")
    programs = Path(initdb).resolve().parent
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="tvrec-postgresql-") as temporary:
        folder, port = Path(temporary), free_port()
        if user:
            shutil.chown(folder, user)
        data, log = folder / "data", folder / "log"
        command = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)
        with log.open("wb") as said:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-F", "-p", str(port)],
                stdout=said,
                stderr=subprocess.STDOUT,
                user=user,
                cwd=folder,
            )
        try:
            wait_until(lambda: "ready to accept connections" in log.read_text(), 60, "PostgreSQL")
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres", log
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)


def working_on(state: Path) -> list[int]:
    """The processes that have this state folder, from what the kernel says."""
    mark = f"TVREC_STATE_DIR={state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_all(state: Path) -> None:
    """Kill -9 whatever works on a state folder; BentoML's workers are in sessions of their own."""
    for pid in working_on(state):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(_runs, working_on(state))), 10, "the end of the processes")


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@dataclass(frozen=True)
class S3Server:
    """A server that speaks S3 and checks credentials."""

    address: str
    access_key: str
    secret_key: str

    def bucket(self, name: str) -> S3Store:
        """Make a bucket, as an object store."""
        client = self.client()
        client.create_bucket(Bucket=name)
        return S3Store(name, client)

    def client(self) -> Any:
        return s3_client(self.address, self.access_key, self.secret_key, "us-east-1")


@contextmanager
def rclone_server(folder: Path) -> Iterator[S3Server]:
    """Serve a folder, each folder in it a bucket. It takes conditional writes as plain ones."""
    server = S3Server(f"http://127.0.0.1:{free_port()}", "testaccesskey", "testsecretkey")
    command = [
        *(str(BIN / "rclone"), "serve", "s3", str(folder), "--config", os.devnull),
        *("--addr", server.address.removeprefix("http://")),
        *("--auth-key", f"{server.access_key},{server.secret_key}"),
    ]
    with _served(server, command, environment()):
        yield server


def minio_program() -> str | None:
    """Return where MinIO is: ``TVREC_TEST_MINIO``, on the path, or where `make stack` has it."""
    servers = installed(default_cache())
    return (
        os.environ.get("TVREC_TEST_MINIO")
        or shutil.which("minio")
        or (str(servers.minio) if servers else None)
    )


@contextmanager
def minio_server(program: str, folder: Path) -> Iterator[S3Server]:
    """Serve a folder with MinIO."""
    server = S3Server(f"http://127.0.0.1:{free_port()}", "testaccesskey", "testsecretkey")
    command = [program, "server", str(folder), "--quiet"]
    command += ["--address", server.address.removeprefix("http://")]
    settings = {"MINIO_ROOT_USER": server.access_key, "MINIO_ROOT_PASSWORD": server.secret_key}
    with _served(server, command, environment(**settings, MINIO_BROWSER="off")):
        yield server


@contextmanager
def _served(server: S3Server, command: list[str], settings: dict[str, str]) -> Iterator[None]:
    """Run a server while the block runs, and wait until it answers."""
    with closing(server.client()) as client, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=settings, stdout=said, stderr=subprocess.STDOUT)

        def is_ready() -> bool:
            said.seek(0)
            assert process.poll() is None, said.read().decode()
            with suppress(BotoCoreError, ClientError):
                client.list_buckets()
                return True
            return False

        try:
            wait_until(is_ready, 30, command[0])
            yield
        finally:
            process.kill()
            process.wait()
