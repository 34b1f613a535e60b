"""Whether /recommend keeps answering while the parts are killed one by one.

    python -m benchmarks.bench_availability

`make run` ends all parts when one dies. So the parts are started here as a deployment starts
them: each command of the Procfile by itself, and again when it has ended. The service has two
workers; the object store is a MinIO if one is installed, else a folder, which cannot be killed.
While requests are sent at a steady rate, each with a connection of its own, the parts are killed
(SIGKILL) one after the other and stay away for some seconds, and last one worker of the service,
which BentoML starts again.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from honcho.environ import parse_procfile

from tests.servers import (
    ROOT,
    S3Server,
    answers,
    environment,
    free_port,
    kill_all,
    minio_program,
    wait_until,
)

KILLED: Final = ("mlflow", "store", "builder", "generator", "exporter", "worker")
WORKERS: Final = 2
BUCKET: Final = "tvrec"
CLIENTS: Final = 16
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: when it was sent, the seconds until its end, and the status; 0 = none."""

    at: float
    seconds: float
    status: int


class Part:
    """A process that is started again when it has ended.

    Parameters
    ----------
    command
        For a shell.
    settings
        Its environment.
    log
        Where it writes.
    """

    def __init__(self, command: str, settings: Mapping[str, str], log: Path) -> None:
        self._command, self._settings, self._log = f"exec {command}", settings, log
        self.process = self._started()

    def kill(self, seconds: float) -> None:
        """Kill the process, and start it again after so many seconds."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        time.sleep(seconds)
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                shell=True,
                cwd=ROOT,
                env=self._settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@dataclass(slots=True)
class Deployment:
    """All parts.

    Parameters
    ----------
    state
        Their folder.
    service
        The address of the service.
    parts
        By name.
    """

    state: Path
    service: str
    parts: dict[str, Part] = field(default_factory=dict)

    def workers(self) -> list[int]:
        """Return the processes of the service's workers: the children of BentoML's own."""
        parent = psutil.Process(self.parts["service"].process.pid)
        return [
            child.pid
            for child in parent.children(recursive=True)
            if any("_bentoml_impl.worker" in word for word in child.cmdline())
        ]

    def kill(self, name: str, seconds: float) -> None:
        """Kill a part for some seconds, or a worker until BentoML has started another."""
        if name != "worker":
            self.parts[name].kill(seconds)
            return
        os.kill(self.workers()[0], signal.SIGKILL)
        time.sleep(seconds)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Start the parts, and wait until the service answers."""
    state, mlflow, service = folder / "var", free_port(), free_port()
    state.mkdir()
    settings = environment(
        TVREC_STATE_DIR=str(state),
        TVREC_HOST="127.0.0.1",
        TVREC_MLFLOW_PORT=str(mlflow),
        TVREC_SERVICE_PORT=str(service),
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{mlflow}",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        TVREC_WORKERS=str(WORKERS),
        TVREC_SEED_USERS="2000",
        TVREC_SEED_RATINGS="50000",
        TVREC_BUILD_INTERVAL="30",
        BENTOML_HOME=str(state / "bentoml"),
        BENTOML_DO_NOT_TRACK="True",
        OTEL_SDK_DISABLED="true",
    )
    made = Deployment(state, f"http://127.0.0.1:{service}")

    def start(name: str, command: str) -> None:
        made.parts[name] = Part(command, settings, folder / f"{name}.log")

    try:
        if program := minio_program():
            server = S3Server(f"http://127.0.0.1:{free_port()}", "benchaccesskey", "benchsecretkey")
            settings |= {
                "MINIO_ROOT_USER": server.access_key,
                "MINIO_ROOT_PASSWORD": server.secret_key,
                "MINIO_BROWSER": "off",
                "S3_ENDPOINT_URL": server.address,
                "AWS_ACCESS_KEY_ID": server.access_key,
                "AWS_SECRET_ACCESS_KEY": server.secret_key,
                "TVREC_BUCKET": BUCKET,
            }
            address = server.address.removeprefix("http://")
            start("store", f"{program} server {folder / 'minio'} --quiet --address {address}")
            wait_until(lambda: answers(f"{server.address}/minio/health/live"), 60, "MinIO")
            server.bucket(BUCKET)
        commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        for name, command in commands.items():
            if name != "guide":
                start(name, command)
        wait_until(lambda: answers(f"{made.service}/readyz"), 300, "the service")
        # At the very first start each worker waits for the first model by itself.
        log = folder / "service.log"
        wait_until(lambda: log.read_text().count("serving version") >= WORKERS, 60, "its workers")
        yield made
    finally:
        for part in made.parts.values():
            part.process.kill()
        kill_all(state)


def ask(service: str, user: int) -> Asked:
    """Ask for the recommendations of a user."""
    body = json.dumps({"user_id": user}).encode()
    request = urllib.request.Request(
        f"{service}/recommend", body, {"Content-Type": "application/json"}
    )
    at, began = time.time(), time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = 0
    return Asked(at, time.perf_counter() - began, status)


@contextmanager
def asking(service: str, rate: float) -> Iterator[list[Asked]]:
    """Ask at a steady rate while the block runs; the list has all answers when it has ended."""
    found: list[Asked] = []
    stop = threading.Event()

    def send() -> None:
        # At fixed times, so that slow answers do not make the requests fewer.
        due, user = time.monotonic(), 0
        with ThreadPoolExecutor(CLIENTS) as pool:
            while not stop.wait(max(0.0, due - time.monotonic())):
                user += 1
                pool.submit(lambda who: found.append(ask(service, who)), 1 + user % 1000)
                due += 1 / rate

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield found
    finally:
        stop.set()
        sending.join()


def row(name: str, asked: list[Asked]) -> str:
    """Return a row of the table."""
    good = [each.seconds for each in asked if each.status == OK]
    p50, p99 = 1000 * np.quantile(good, (0.5, 0.99)) if good else (float("nan"),) * 2
    share = len(good) / max(1, len(asked))
    return f"| {name} | {len(asked):,} | {share:.3%} | {p50:.1f} ms | {p99:.1f} ms |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--away", type=float, default=15, help="seconds that a part is away (15)")
    parser.add_argument("--rest", type=float, default=15, help="seconds between two kills (15)")
    parser.add_argument("--rate", type=float, default=20, help="requests a second (20)")
    options = parser.parse_args()
    killed: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as deployment:
        with asking(deployment.service, options.rate) as asked:
            time.sleep(options.rest)
            for name in KILLED:
                if name == "worker" or name in deployment.parts:
                    began = time.time()
                    deployment.kill(name, options.away)
                    killed[name] = began, time.time()
                    time.sleep(options.rest)
        wait_until(lambda: len(deployment.workers()) == WORKERS, 60, "the killed worker's place")
    print("| killed | asked | answered 200 | p50 | p99 |\n|---|---|---|---|---|")
    for name, (began, ended) in killed.items():
        print(row(name, [each for each in asked if began <= each.at < ended]))
    nobody = [each for each in asked if not any(b <= each.at < e for b, e in killed.values())]
    print(row("nobody", nobody))
    print(row("all", asked))
    bad = sorted({each.status for each in asked if each.status != OK})
    if bad:
        print(f"\nnot 200: {bad} (0 = the connection was lost)")


if __name__ == "__main__":
    main()
