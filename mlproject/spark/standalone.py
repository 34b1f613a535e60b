"""Spark's standalone cluster as plain processes of this machine."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyspark

from mlproject import config
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.http_client import request

_MASTER: Final = "org.apache.spark.deploy.master.Master"
_WORKER: Final = "org.apache.spark.deploy.worker.Worker"
_HOST: Final = "127.0.0.1"
_SECONDS: Final = 180
_POLL_SECONDS: Final = 0.2
_END_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that runs.

    Parameters
    ----------
    master
        Its address, for ``TVREC_SPARK_MASTER``.
    page
        Address of the master's page.
    workers
        The processes of the workers.
    """

    master: str
    page: str
    workers: tuple[subprocess.Popen[bytes], ...]


@contextmanager
def standalone(
    folder: Path,
    *,
    workers: int = 2,
    cores: int = 1,
    memory: str = "1g",
    port: int = 7077,
    page_port: int = 8080,
) -> Iterator[Cluster]:
    """Run a master and its workers until the end of the block.

    Parameters
    ----------
    folder
        Where they log and work; it is made.
    workers, cores, memory
        How many workers, and what each of them gives.
    port, page_port
        Of the master; 0 = any that is free.

    Raises
    ------
    ConfigError
        If a process ends by itself, as without Java or with the port taken.
    UnavailableError
        If the workers are not there within three minutes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        ports = {"port": port, "webui-port": page_port}
        process, log_file = _started(running, folder, "master", _MASTER, ports)
        master = _told(log_file, process, r"Starting Spark master at (spark://\S+)")
        page = _told(log_file, process, r"MasterWebUI.* started at (http://\S+)")
        options = {"cores": cores, "memory": memory, "webui-port": 0, "work-dir": folder / "work"}
        started = [
            _started(running, folder, f"worker-{number}", _WORKER, options, master)
            for number in range(1, workers + 1)
        ]
        _wait_for(page, workers, started)
        yield Cluster(master, page, tuple(process for process, _ in started))


def alive_workers(page: str) -> int:
    """Return how many workers the master of a page knows.

    Raises
    ------
    UnavailableError
        If it does not answer.
    """
    with request("GET", f"{page}/json/", timeout_s=5) as answer:
        return int(json.loads(answer.data)["aliveworkers"])


def _started(
    running: ExitStack,
    folder: Path,
    name: str,
    program: str,
    options: Mapping[str, object],
    *arguments: str,
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start one of Spark's programs, which ends with the stack at the latest."""
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-class"), program]
    for option, value in {"host": _HOST, **options}.items():
        command += [f"--{option}", str(value)]
    log_file = folder / f"{name}.log"
    with log_file.open("wb") as log_to:
        process = subprocess.Popen(  # noqa: S603 - the program of pyspark
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log_to,
            stderr=subprocess.STDOUT,
            env=config.child_environment({"SPARK_LOCAL_IP": _HOST}),
        )
    running.callback(_end, process)
    return process, log_file


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _told(log_file: Path, process: subprocess.Popen[bytes], pattern: str) -> str:
    """Wait until a process logs something, and return the part in brackets."""
    for _ in _looks():
        if found := re.search(pattern, log_file.read_text(errors="replace")):
            return found[1]
        _must_run(process, log_file)
    raise UnavailableError(f"Spark's master does not start; {log_file} says more")


def _wait_for(page: str, workers: int, started: list[tuple[subprocess.Popen[bytes], Path]]) -> None:
    for _ in _looks():
        with suppress(UnavailableError):  # not up yet, or busy
            if alive_workers(page) == workers:
                return
        for process, log_file in started:
            _must_run(process, log_file)
    raise UnavailableError(f"not all of {workers} workers of Spark are there after some minutes")


def _must_run(process: subprocess.Popen[bytes], log_file: Path) -> None:
    if process.poll() is not None:
        lines = log_file.read_text(errors="replace").strip().splitlines()
        raise ConfigError(
            f"Spark does not start: {lines[-1] if lines else 'it says nothing'} ({log_file}); "
            "it needs Java 17 or newer, and a port of its own"
        )


def _looks() -> Iterator[None]:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(_POLL_SECONDS)
