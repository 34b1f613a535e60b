"""``POST /recommend``: the service beside a bare FastAPI application and a naive service.

All run on uvloop and httptools, one process each, with one model of 12,294 shows and the ratings
of 2,000 users, and are asked in turn by four connections, so that a busy machine is as unkind to
each. ``--soak SECONDS`` keeps the service alone busy and tells of pauses and memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.load import Load, post, run
from mlproject.batches.log import BatchRatingLog
from mlproject.core import columns as c
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.models.factors import Factors
from mlproject.models.files import save_model
from mlproject.objects.local import LocalStore
from tests.builders import keep_model
from tests.servers import answers, bento_service, environment, free_port, wait_until, working_on

SHOWS, DIMENSIONS, USERS, PER_USER = 12_294, 64, 2_000, 40
CONNECTIONS = 4
GENRES = ("Drama", "Comedy", "Crime", "Family", "Action", "Romance", "Horror")


def model(seed: int = 1) -> TrainedModel:
    """Return a model of random vectors; what it says does not matter here."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(SHOWS, DIMENSIONS)).astype(np.float16)
    features = 2 * (2 * DIMENSIONS + 2)
    fold_in = rng.normal(size=(features, DIMENSIONS), scale=1 / features).astype(np.float32)
    return TrainedModel(
        shows=IdMap.of(range(1, SHOWS + 1)),
        model=Factors(vectors, rng.normal(size=SHOWS).astype(np.float32), fold_in),
        popularity=rng.random(SHOWS).astype(np.float32),
        history_weights=history_weights(),
        cards=tuple(
            {
                c.SHOW_ID: show,
                c.TITLE: f"The show with the number {show}",
                c.GENRES: [GENRES[show % 7], GENRES[show // 7 % 7]],
                c.FIRST_YEAR: 1990 + show % 35,
                c.SEASONS: 1 + show % 9,
                c.NETWORK: "HBO",
                c.COUNTRY: "US",
                c.TYPE: "Scripted",
            }
            for show in range(1, SHOWS + 1)
        ),
    )


def prepare(folder: Path) -> None:
    """Write the model and the ratings as the service finds them, and as its rivals do."""
    rng = np.random.default_rng(2)
    users = np.repeat(np.arange(USERS), PER_USER)
    shows = np.concatenate([1 + rng.choice(SHOWS, PER_USER, replace=False) for _ in range(USERS)])
    ratings = rng.integers(1, 11, len(users)).astype(np.int8)
    np.savez(folder / "ratings.npz", users=users, shows=shows, ratings=ratings)
    (folder / "model").mkdir()
    save_model(model(), folder / "model")
    keep_model(folder / "state", model())
    log = BatchRatingLog(LocalStore(folder / "state" / "store"))
    log.start()
    at = time.time_ns() // 1_000_000
    for user, show, rating in zip(users.tolist(), shows.tolist(), ratings.tolist(), strict=True):
        log.append(RatingEvent(new_event_id(at), user, show, rating, at, EventSource.SERVICE))
    log.close()


@contextmanager
def rival(name: str, folder: Path) -> Iterator[int]:
    """Start one of ``serving_rivals``; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving_rivals", name, str(folder), str(port)]
    settings = environment(OPENBLAS_NUM_THREADS="1", PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(command, env=settings) as process:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/openapi.json"), 120, name)
            yield port
        finally:
            process.terminate()


def memory_mb(state: Path) -> float:
    """Return what the processes of the service hold for themselves."""
    total = 0
    for pid in working_on(state):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty")):
                total += int(line.split()[1])
    return total / 1024


def tell(what: str, load: Load, beside: float = 0) -> None:
    """Print a line."""
    ratio = f"{load.speed / beside:6.2f} x" if beside else ""
    print(
        f"{what:9} {load.speed:7.0f} a second, median {load.ms(0.5):6.2f} ms, "
        f"99 % {load.ms(0.99):6.2f} ms, longest {load.ms(1):6.1f} ms, "
        f"{len(load.bad)} failed {ratio}",
        flush=True,
    )


def soak(port: int, requests: list[bytes], state: Path, seconds: float) -> None:
    """Keep the service busy, and say what a minute is like."""
    while seconds > 0:
        load = run(port, requests, CONNECTIONS, min(60, seconds))
        tell("soak", load)
        print(f"          {memory_mb(state):.0f} MB", flush=True)
        seconds -= 60


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--soak", type=float, default=0, help="seconds of load on the service alone"
    )
    options = parser.parse_args()
    requests = [
        post("/recommend", json.dumps({"user_id": user, "num_items": 10}).encode())
        for user in np.random.default_rng(3).permutation(USERS).tolist()
    ]
    with tempfile.TemporaryDirectory() as made, ExitStack() as servers:
        folder = Path(made)
        prepare(folder)
        url, _ = servers.enter_context(bento_service(folder / "state"))
        wait_until(lambda: answers(f"{url}/readyz"), 120, "the service")
        ports = {"service": int(url.rpartition(":")[2])}
        if options.soak:
            soak(ports["service"], requests, folder / "state", options.soak)
            return
        ports |= {name: servers.enter_context(rival(name, folder)) for name in ("bare", "naive")}
        loads: dict[str, list[Load]] = {name: [] for name in ports}
        for name, port in ports.items():
            run(port, requests, CONNECTIONS, 2)
            print(f"{name}: warm", flush=True)
        for _ in range(options.turns):
            for name, port in ports.items():
                loads[name].append(run(port, requests, CONNECTIONS, options.seconds))
                tell(name, loads[name][-1])
        speed = {name: median(load.speed for load in found) for name, found in loads.items()}
        print(
            f"the service: {speed['service'] / speed['bare']:.2f} x bare FastAPI, "
            f"{speed['service'] / speed['naive']:.1f} x the naive service; 99 % within "
            f"{median(load.ms(0.99) for load in loads['service']):.2f} ms"
        )


if __name__ == "__main__":
    main()
