"""`make run` as a process, for the tests and benchmarks that want all of it."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import BIN, ROOT, answers, environment, free_port, wait_until


@dataclass
class Running:
    """A `tvrec up` under test."""

    process: "subprocess.Popen[bytes]"
    service: str
    mlflow: str
    log: Path
    settings: dict[str, str]

    def pid(self, command: str) -> int:
        """The process of a ``tvrec`` command."""
        (found,) = [
            pid
            for pid in self.processes()
            if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(f"tvrec\0{command}\0".encode())
        ]
        return found

    def recommend(self, body: bytes) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.service}/recommend", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def processes(self) -> list[int]:
        """The processes that work on this test's state folder, from what the kernel says."""
        mark = f"TVREC_STATE_DIR={self.settings['TVREC_STATE_DIR']}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


@contextmanager
def up(state: Path, **more: str) -> Iterator[Running]:
    service, mlflow = free_port(), free_port()
    settings = {
        "TVREC_STATE_DIR": str(state),
        "TVREC_SERVICE_PORT": str(service),
        "TVREC_MLFLOW_PORT": str(mlflow),
        "TVREC_SEED_USERS": "200",
        "TVREC_SEED_RATINGS": "8000",
        "TVREC_DIMENSIONS": "16",
        "TVREC_EPOCHS": "5",
        "TVREC_BUILD_INTERVAL": "15",
        "TVREC_POLL_SECONDS": "1",
        "TVREC_BATCH_SECONDS": "2",
        **more,
    }
    log = state.parent / f"{state.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [BIN / "tvrec", "up"],
            cwd=ROOT,
            env=environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(
        process, f"http://127.0.0.1:{service}", f"http://127.0.0.1:{mlflow}", log, settings
    )
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        for left in running.processes():
            os.kill(left, signal.SIGKILL)


def wait_for_answer(running: Running) -> None:
    def ready() -> bool:
        assert running.process.poll() is None, running.text()
        return answers(f"{running.service}/readyz")

    wait_until(ready, 240, "the service's /readyz")
