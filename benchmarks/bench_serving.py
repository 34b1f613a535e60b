"""``POST /recommend``: the service beside a bare FastAPI application and a naive service.

All run on uvloop and httptools, one process each, with one model of 12,294 shows and the ratings
of 2,000 users, and are asked in turn by four connections, so that a busy machine is as unkind to
each; beside others the CPU of an answer tells more than the answers a second. ``--soak SECONDS``
keeps the service alone busy and tells of pauses and memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.load import Load, post, run
from mlproject.batches.progress import Totals
from mlproject.core import columns as c
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.core.rating_columns import RatingColumns
from mlproject.models.factors import Factors
from mlproject.models.files import save_model
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import manifest_of
from mlproject.snapshot.latest import latest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, write_segments
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
    at = 1_735_689_600_000 + np.arange(len(users))
    columns = RatingColumns(users, shows, ratings, at, at.astype(np.uint64), at.astype(np.uint64))
    store = LocalStore(folder / "state" / "store")
    state = RatingsState.of_sorted(latest(columns))
    base = write_segments(store, state.ratings, 1)
    manifest = manifest_of(state, 1, base=base, deltas=(), watermarks={}, totals=Totals())
    commit(store, Seen(None, None), manifest)


@contextmanager
def rival(name: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Start one of ``serving_rivals``; yield its port and its process."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving_rivals", name, str(folder), str(port)]
    settings = environment(OPENBLAS_NUM_THREADS="1", PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(command, env=settings) as process:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/openapi.json"), 120, name)
            yield port, process.pid
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


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time that processes have used."""
    ticks = 0
    for pid in pids:
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        ticks += sum(map(int, used))
    return ticks / os.sysconf("SC_CLK_TCK")


def tell(what: str, load: Load, cpu_ms: float | None = None) -> None:
    """Print a line."""
    costs = "" if cpu_ms is None else f", {cpu_ms:5.2f} ms of CPU each"
    print(
        f"{what:9} {load.speed:7.0f} a second, median {load.ms(0.5):6.2f} ms, "
        f"99 % {load.ms(0.99):6.2f} ms, longest {load.ms(1):6.1f} ms{costs}, "
        f"{len(load.bad)} failed",
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
        port, state = int(url.rpartition(":")[2]), folder / "state"
        if options.soak:
            soak(port, requests, state, options.soak)
            return
        rivals: dict[str, tuple[int, list[int]]] = {"service": (port, working_on(state))}
        for name in ("bare", "naive"):
            port, pid = servers.enter_context(rival(name, folder))
            rivals[name] = port, [pid]
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in rivals}
        for turn in range(-1, options.turns):
            for name, (port, pids) in rivals.items():
                before = cpu_seconds(pids)
                load = run(port, requests, CONNECTIONS, options.seconds)
                cpu_ms = 1000 * (cpu_seconds(pids) - before) / len(load.waits)
                if turn >= 0:  # the first is for warming up
                    found[name].append((load.speed, cpu_ms, load.ms(0.99)))
                    tell(name, load, cpu_ms)
        speed, cpu, late = (
            {name: median(turn[place] for turn in turns) for name, turns in found.items()}
            for place in range(3)
        )
        print(f"answers a second: {_beside(speed)}; 99 % within {late['service']:.2f} ms")
        print(f"answers for the same CPU: {_beside({name: 1 / cpu[name] for name in cpu})}")


def _beside(worth: dict[str, float]) -> str:
    return ", ".join(
        f"{worth['service'] / worth[name]:.2f} x {name}" for name in worth if name != "service"
    )


if __name__ == "__main__":
    main()
