"""``POST /recommend``: the service beside others, and under strain.

    python -m benchmarks.bench_serving                         all parts, some twelve minutes
    python -m benchmarks.bench_serving table --seconds 4       one of them

Parts, each with a line at its end that begins with its name:

    table       beside a bare FastAPI application and a naive service, asked in turn
    neighbours  beside two busy processes
    quota       with half a processor, by a cgroup; left out where none can be made
    workers     two workers against one
    swaps       the version changes all the time: failed answers, waits, memory
    soak        five minutes: pauses, memory

All run on uvloop and httptools, one process each, with one model of 12,294 shows and the ratings
of 2,000 users, and are asked by four connections. On a machine with other work the CPU of an
answer tells more than the answers a second.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.load import Load, post, run
from benchmarks.processes import NoQuotaError, busy, cpu_seconds, memory_mb, quota
from mlproject.batches.progress import Totals
from mlproject.core import columns as c
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.core.rating_columns import RatingColumns
from mlproject.models.factors import Factors
from mlproject.models.files import save_model
from mlproject.objects.local import LocalStore
from mlproject.snapshot.latest import latest
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, write_segments
from tests.builders import keep_model
from tests.servers import answers, bento_service, environment, free_port, wait_until, working_on

SHOWS, DIMENSIONS, USERS, PER_USER = 12_294, 64, 2_000, 40
CONNECTIONS = 4
QUOTA, PARENT_AND_ONE, WARM_UP_SECONDS = 0.5, 2, 15
Requests = list[bytes]
Options = argparse.Namespace
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
    manifest = Manifest.of(state, 1, base=base, deltas=(), watermarks={}, totals=Totals())
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


def tell(what: str, load: Load, cpu_ms: float | None = None) -> None:
    """Print a line."""
    costs = "" if cpu_ms is None else f", {cpu_ms:5.2f} ms of CPU each"
    print(
        f"{what:9} {load.speed:7.0f} a second, median {load.ms(0.5):6.2f} ms, "
        f"99 % {load.ms(0.99):6.2f} ms, longest {load.ms(1):6.1f} ms{costs}, "
        f"{len(load.bad)} failed",
        flush=True,
    )


@dataclass(frozen=True, slots=True)
class Service:
    """The service that is measured."""

    port: int
    state: Path

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return working_on(self.state)

    def load(self, requests: Requests, seconds: float, what: str) -> tuple[Load, float]:
        """Keep it busy; return the load, and the milliseconds of CPU of an answer."""
        return measured(what, self.port, self.pids, requests, seconds)


def measured(
    what: str, port: int, pids: list[int], requests: Requests, seconds: float
) -> tuple[Load, float]:
    """Keep a server busy; return the load, and the milliseconds of CPU of an answer."""
    before = cpu_seconds(pids)
    load = run(port, requests, CONNECTIONS, seconds)
    cpu_ms = 1000 * (cpu_seconds(pids) - before) / len(load.waits)
    tell(what, load, cpu_ms)
    return load, cpu_ms


def table(service: Service, folder: Path, requests: Requests, options: Options) -> None:
    """Ask the service, the bare application and the naive service in turn."""
    with ExitStack() as servers:
        rivals: dict[str, tuple[int, list[int]]] = {"service": (service.port, service.pids)}
        for name in ("bare", "naive"):
            port, pid = servers.enter_context(rival(name, folder))
            rivals[name] = port, [pid]
        found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in rivals}
        for turn in range(-1, options.turns):
            for name, (port, pids) in rivals.items():
                what = name if turn >= 0 else "(warm up)"
                load, cpu_ms = measured(what, port, pids, requests, options.seconds)
                if turn >= 0:
                    found[name].append((load.speed, cpu_ms, load.ms(0.99), load.ms(1)))
        speed, cpu, late, longest = (
            {name: median(turn[place] for turn in turns) for name, turns in found.items()}
            for place in range(4)
        )
        print(
            f"table: {_beside(speed)}; 99 % within {late['service']:.2f} ms, "
            f"the longest {longest['service']:.1f} ms"
        )
        print(f"table: for the same CPU {_beside({name: 1 / cpu[name] for name in cpu})}")


def soak(service: Service, _: Path, requests: Requests, options: Options) -> None:
    """Keep the service busy for long, and say what each minute is like."""
    first, left, longest = 0.0, options.soak_seconds, 0.0
    while left > 0:
        load, _cpu = service.load(requests, min(60, left), "soak")
        now = memory_mb(service.pids)
        first, longest, left = first or now, max(longest, load.ms(1)), left - 60
        print(f"          {now:.0f} MB", flush=True)
    print(
        f"soak: the longest pause {longest:.1f} ms, memory {now / first:.2f} x the first minute's"
    )


def swaps(_: Service, __: Path, ___: Requests, options: Options) -> None:
    """Change the version all the time, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_swaps", "--swaps", str(options.swaps)]
    subprocess.run(command, check=True)


def neighbours(service: Service, _: Path, requests: Requests, options: Options) -> None:
    """Ask beside two processes that do nothing but use processors."""
    _quiet, alone = service.load(requests, options.seconds, "alone")
    with busy(2):
        _load, beside = service.load(requests, options.seconds, "beside two")
    print(f"neighbours: {alone / beside:.2f} of the answers that the CPU it got allows")


def limited(service: Service, _: Path, requests: Requests, options: Options) -> None:
    """Ask while the service may use half a processor."""
    _quiet, alone = service.load(requests, options.seconds, "alone")
    try:
        with quota(service.pids, QUOTA):
            load, _cpu = service.load(requests, options.seconds, "half a CPU")
    except NoQuotaError as error:
        print(f"quota: left out, {error}")
        return
    print(f"quota: {load.speed / (1000 * QUOTA / alone):.2f} of what the quota allows")


def workers(service: Service, folder: Path, requests: Requests, options: Options) -> None:
    """Ask two workers, and one, in turn."""
    state = folder / "two"
    shutil.copytree(service.state, state, ignore=shutil.ignore_patterns("*.log", "bentoml"))
    with bento_service(state, TVREC_WORKERS="2") as (url, _):
        wait_until(lambda: answers(f"{url}/readyz"), 120, "two workers")
        wait_until(lambda: len(working_on(state)) > PARENT_AND_ONE, 120, "the second worker")
        two = Service(int(url.rpartition(":")[2]), state)
        speeds: dict[str, list[float]] = {"one": [], "two": []}
        for turn in range(-1, options.turns):
            for name, asked in (("one", service), ("two", two)):
                load, _cpu = asked.load(requests, options.seconds, f"{name} of 2")
                if turn >= 0:
                    speeds[name].append(load.speed)
    print(
        f"workers: two {median(speeds['two']) / median(speeds['one']):.2f} x one, on "
        f"{os.cpu_count()} processors, of which the load takes a part"
    )


PARTS: dict[str, Callable[[Service, Path, Requests, Options], None]] = {
    "table": table,
    "neighbours": neighbours,
    "quota": limited,
    "workers": workers,
    "swaps": swaps,
    "soak": soak,
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--seconds", type=float, default=5, help="of each turn (5)")
    parser.add_argument("--turns", type=int, default=3, help="of table and workers (3)")
    parser.add_argument("--soak-seconds", type=float, default=300, help="of the soak (300)")
    parser.add_argument("--swaps", type=int, default=200, help="of the version (200)")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    requests = [
        post("/recommend", json.dumps({"user_id": user, "num_items": 10}).encode())
        for user in np.random.default_rng(3).permutation(USERS).tolist()
    ]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepare(folder)
        with bento_service(folder / "state") as (url, _):
            wait_until(lambda: answers(f"{url}/readyz"), 120, "the service")
            service = Service(int(url.rpartition(":")[2]), folder / "state")
            # Without an MLflow it asks for one at first, which is no part of an answer.
            service.load(requests, WARM_UP_SECONDS, "(warm up)")
            for part in options.parts or PARTS:
                print(f"-- {part}", flush=True)
                PARTS[part](service, folder, requests, options)


def _beside(worth: dict[str, float]) -> str:
    return ", ".join(
        f"{worth['service'] / worth[name]:.2f} x {name}" for name in worth if name != "service"
    )


if __name__ == "__main__":
    main()
