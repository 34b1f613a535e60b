"""Whether `make run` keeps the objectives of docs/operations.md while its parts are away.

    python -m benchmarks.bench_objectives

Starts all of it with the simulation, as `make run` does, and asks 20 times a second for
recommendations, on one connection each. One after the other, MLflow, the builder, the generator and
the exporter stand still (SIGSTOP) for some seconds, as a machine that swaps or a part that hangs.
Meanwhile users rate, and each rating is followed: into an answer, and into the snapshot of a cycle
that came to its end. Then a person promotes a version, which is followed into the answers.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.make_run import Running, up, wait_for_answer
from tests.servers import BIN, environment, free_port

PERIOD: Final = 0.05
PARTS: Final = ("mlflow", "build", "generate-ratings", "export-shows")
NEWCOMER: Final = 9_000_001
CYCLE: Final = 30
"""Seconds between cycles; the objective is told in cycles."""
NEWEST: Final = "tvrec_snapshot_newest_event_timestamp_seconds"


@dataclass
class Asked:
    """What came of asking for recommendations all the time.

    Parameters
    ----------
    waits
        Seconds of each answer.
    failures
        What came instead of an answer.
    """

    waits: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def call(url: str, body: dict[str, Any] | None = None) -> Any:
    """Send a request and return its answer, read from JSON."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def ask(service: str, asked: Asked, stop: threading.Event) -> None:
    """Ask for recommendations, in time with the clock, until ``stop`` is set."""
    users = 0
    while not stop.wait(PERIOD):
        users += 1
        began = time.perf_counter()
        try:
            call(f"{service}/recommend", {"user_id": 1 + users % 1000})
        except OSError as error:
            asked.failures.append(str(error))
        else:
            asked.waits.append(time.perf_counter() - began)


def until(done: Callable[[], bool], seconds: float) -> float:
    """Wait and return how long it took, infinite if it took longer than ``seconds``."""
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > seconds:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - began


def metric(port: int, pattern: str) -> float:
    """Return a sample of a part's metrics, 0 if there is none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found = re.search(rf"^{pattern} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def rated(service: str, user: int) -> int:
    """Rate a show as a user nobody knew; return the offset of the event."""
    show = call(f"{service}/shows?q=a&limit=1")["shows"][0]["show_id"]
    told = call(f"{service}/rate", {"user_id": user, "show_id": show, "rating": 10})
    return int(told["offset"])


def effects(service: str, count: int) -> list[float]:
    """Return the seconds from each rating that was acknowledged until an answer has it."""
    found = []
    for user in range(NEWCOMER, NEWCOMER + count):
        rated(service, user)

        def counts(user: int = user) -> bool:
            source: str = call(f"{service}/recommend", {"user_id": user})["source"]
            return source != "popular"

        found.append(until(counts, 10))
    return found


def paused(running: Running, part: str, seconds: float) -> None:
    """Let a part stand still."""
    if part == "mlflow":
        (pid,) = [
            pid
            for pid in running.processes()
            if b"mlflow.server.fastapi_app" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
    else:
        pid = running.pid(part) if part != "export-shows" else running.pid("export-shows\0--loop")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def promoted(running: Running) -> float:
    """Make a version of a run that lost, as a person may.

    Returns
    -------
    float
        Seconds from the beginning of the command, which looks at the version first, until the
        service answers from it.
    """
    before = call(f"{running.service}/model")["version"]
    (run, *_) = re.findall(r"linear run (\w+) took", running.text())
    words = ("promote", "--run", run, "--force", "--reason", "to see how soon it answers")
    with subprocess.Popen(
        [BIN / "tvrec", *words],
        env=environment(**running.settings, MLFLOW_TRACKING_URI=running.mlflow),
        stdout=subprocess.DEVNULL,
    ) as command:
        taken = until(lambda: bool(call(f"{running.service}/model")["version"] != before), 120)
    if command.returncode:
        raise SystemExit("tvrec promote failed, see above")
    return taken


def told(seconds: Sequence[float]) -> str:
    """Return the median and the largest."""
    return f"median {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=15, help="for which each part stands still"
    )
    options = parser.parse_args()
    metrics = free_port()
    settings = {
        "TVREC_METRICS_PORT": str(metrics),
        "TVREC_BUILD_INTERVAL": str(CYCLE),
        "TVREC_SEED_USERS": "2000",
        "TVREC_SEED_RATINGS": "100000",
    }
    with tempfile.TemporaryDirectory() as folder, up(Path(folder) / "var", **settings) as running:
        wait_for_answer(running)
        asked, stop = Asked(), threading.Event()
        asking = threading.Thread(target=ask, args=(running.service, asked, stop))
        asking.start()
        try:
            found = effects(running.service, 10)
            for part in PARTS:
                resting = threading.Thread(target=paused, args=(running, part, options.seconds))
                resting.start()
                found += effects(running.service, 10)
                resting.join()
            offset = rated(running.service, NEWCOMER)
            snapshot = r'tvrec_snapshot_offset\{partition="1000"\}'
            learned = until(lambda: metric(metrics, snapshot) > offset, 10 * CYCLE)
            ages = []
            for _ in range(2 * CYCLE):
                ages.append(time.time() - metric(metrics, NEWEST))
                time.sleep(1)
            taken = promoted(running)
        finally:
            stop.set()
            asking.join()
    total = len(asked.waits) + len(asked.failures)
    print(f"a rating is in the answers: {told(found)} ({len(found)} ratings)")
    print(
        f"a rating is in a cycle that came to its end: after {learned:.0f} s, "
        f"{learned / CYCLE:.1f} cycles"
    )
    print(f"the newest event of the snapshot: {told(ages)} old, with a cycle every {CYCLE} s")
    print(f"a version that was promoted answers: {taken:.1f} s after the command began")
    print(f"/recommend: {total} requests, {len(asked.failures)} failed {set(asked.failures) or ''}")
    for share in (0.5, 0.99):
        print(f"/recommend, p{100 * share:.0f}: {1000 * np.quantile(asked.waits, share):.1f} ms")


if __name__ == "__main__":
    main()
