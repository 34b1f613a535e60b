"""What histories cost a worker: bytes, seconds to start, lag, and the time of one read.

Everything is generated, in a local folder, 100 ratings a user, with ten deltas of 10,000
ratings over the base. Each size is measured in a process of its own, so that its memory is
its own: what is private to it, beside the mapped files, which all workers share.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from uuid import UUID

import numpy as np

from benchmarks.bench_ingest import PER_USER, SHOWS, START_MS, old_ratings
from mlproject.batches.follow import BatchStream
from mlproject.batches.keys import BatchKey
from mlproject.batches.log import BatchRatingLog
from mlproject.batches.progress import Totals
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.rating_columns import RatingColumns
from mlproject.histories.copies import Copies
from mlproject.histories.followed import FollowedHistories, Limits
from mlproject.objects.local import LocalStore
from mlproject.snapshot.latest import latest
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, write_segments

SIZES = (500_000, 10_000_000, 100_000_000)
DELTAS, DELTA_ROWS = 10, 10_000
LIVE = 100_000
READS = 20_000
EVENTS = 20
HOT = ("user_id", "start", "show_id", "rating")


def later(count: int, users: int, seed: int) -> RatingColumns:
    """Return ratings that win over the old ones."""
    rng = np.random.default_rng(seed)
    at = START_MS + seed * 10**6 + np.arange(count)
    return latest(
        RatingColumns(
            user_id=rng.integers(0, users, count),
            show_id=rng.integers(0, SHOWS, count),
            rating=rng.integers(1, 11, count).astype(np.int8),
            rated_at=at,
            id_high=(at.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000),
            id_low=rng.integers(0, 2**63, count).astype(np.uint64),
        )
    )


def make(folder: Path, size: int) -> None:
    """Write a snapshot of ``size`` ratings and its deltas."""
    store = LocalStore(folder / "store")
    state = RatingsState.of_sorted(old_ratings(size))
    base = write_segments(store, state.ratings, 1)
    deltas = [
        write_segments(store, later(DELTA_ROWS, size // PER_USER, seed), 1)[0]
        for seed in range(DELTAS)
    ]
    manifest = Manifest.of(
        state, 1, base=base, deltas=tuple(deltas), watermarks={}, totals=Totals()
    )
    commit(store, Seen(None, None), manifest)
    print("{}")


def worker(folder: Path) -> FollowedHistories:
    """Return histories of the folder."""
    store = LocalStore(folder / "store")
    copies = Copies(folder / "histories", store.uri)
    return FollowedHistories(store, BatchStream(store), copies, Limits(LIVE))


def put_batch(store: LocalStore, first: int, ratings: RatingColumns) -> None:
    """Write ratings as a batch of JSON lines."""
    rows = zip(*(array.tolist() for array in ratings.arrays), strict=True)
    lines = (
        json.dumps(
            {
                "event_id": str(UUID(int=high << 64 | low)),
                "user_id": user,
                "show_id": show,
                "rating": rating,
                "rated_at": at,
            }
        )
        for user, show, rating, at, high, low in rows
    )
    store.put(str(BatchKey(0, first, "jsonl")), "\n".join(lines).encode())


def wait(done: Callable[[], bool]) -> float:
    """Return how many seconds it took."""
    began = time.perf_counter()
    while not done():
        time.sleep(0.001)
    return time.perf_counter() - began


def reads(histories: FollowedHistories, users: int, until: Callable[[], bool]) -> list[float]:
    """Return the microseconds of reads of random users."""
    chosen = np.random.default_rng(0).integers(0, users, READS).tolist()
    took: list[float] = []
    while not took or not until():
        for user in chosen:
            began = time.perf_counter()
            histories.of(user)
            took.append((time.perf_counter() - began) * 1e6)
    return took


def private_mib() -> float:
    """Return this process's memory without mapped files, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def measure(folder: Path, size: int) -> None:
    """Start, start again, read, follow, and have a copy written; print the figures."""
    users = size // PER_USER
    before = private_mib()
    first = worker(folder)
    first.start()
    from_snapshot = wait(lambda: first.status.is_loaded)
    first.close()
    histories = worker(folder)
    began = time.perf_counter()
    histories.start()
    histories.of(0)
    restart = time.perf_counter() - began
    wait(lambda: histories.status.lag_seconds < 1)
    loaded = private_mib()
    plain = reads(histories, users, lambda: True)

    log, store = BatchRatingLog(LocalStore(folder / "store")), LocalStore(folder / "store")
    lags, pauses = [], np.random.default_rng(1).uniform(0, 1, EVENTS).tolist()
    for number in range(EVENTS):
        time.sleep(pauses[number])
        event = RatingEvent(
            new_event_id(START_MS), 1, SHOWS + number, 8, START_MS, EventSource.SERVICE
        )
        sent = time.perf_counter()
        log.append(event).result(10)
        known = len(histories.of(1).ratings)
        wait(lambda known=known: len(histories.of(1).ratings) > known)  # type: ignore[misc]
        lags.append(time.perf_counter() - sent)
    log.close()

    live = later(LIVE - 1000, users, 99)
    held = private_mib()
    offset = 0
    for start in range(0, len(live), DELTA_ROWS):
        part = live.take(np.arange(start, min(start + DELTA_ROWS, len(live))))
        put_batch(store, offset, part)
        offset += len(part)
    wait(lambda: histories.position.offsets.get(0, 0) >= offset)
    count = histories.status.live_ratings
    live_bytes = (private_mib() - held) * 2**20 / count

    put_batch(store, offset, later(2000, users, 100))
    began = time.perf_counter()
    writing: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        wait(lambda: histories.status.live_ratings < LIVE // 2)
        writing.append(time.perf_counter() - began)
        ended.set()

    threading.Thread(target=watch).start()
    during = reads(histories, users, ended.is_set)
    copy = next(path for path in (folder / "histories").iterdir() if path.is_dir())
    sizes = {path.stem: path.stat().st_size for path in copy.glob("*.npy")}
    hot = sum(sizes[name] for name in HOT)
    histories.close()
    print(
        json.dumps(
            {
                "from_snapshot": from_snapshot,
                "restart": restart,
                "hot": hot / histories.status.ratings,
                "cold": (sum(sizes.values()) - hot) / histories.status.ratings,
                "private": loaded - before,
                "live_bytes": live_bytes,
                "read": median(plain),
                "read_99": float(np.percentile(plain, 99)),
                "lag": median(lags),
                "lag_95": float(np.percentile(lags, 95)),
                "new_copy": writing[0],
                "during_99": float(np.percentile(during, 99)),
                "during_longest": max(during) / 1000,
                "peak": private_mib() - before,
            }
        )
    )


def child(step: str, folder: Path, size: int) -> dict[str, float]:
    """Run a step in a process of its own; return its figures."""
    command = [sys.executable, "-m", "benchmarks.bench_histories", "--step", step]
    command += ["--folder", str(folder), "--size", str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


ROWS = (
    ("from_snapshot", "first start, from the snapshot, s", "{:.2f}"),
    ("restart", "start from the copy to the first answer, s", "{:.3f}"),
    ("hot", "mapped and read, bytes a rating", "{:.1f}"),
    ("cold", "mapped and hardly read, bytes a rating", "{:.1f}"),
    ("private", "private memory when loaded, MiB", "{:.1f}"),
    ("live_bytes", "in memory, bytes a live rating", "{:.0f}"),
    ("peak", f"private memory after {LIVE:,} live ratings and a new copy, MiB", "{:.0f}"),
    ("read", "one history of 100 ratings, median, us", "{:.1f}"),
    ("read_99", "one history, 99th percentile, us", "{:.1f}"),
    ("lag", "from /rate's log to another worker, median, s", "{:.2f}"),
    ("lag_95", "the same, 95th percentile, s", "{:.2f}"),
    ("new_copy", "a new copy, from its bound on, s", "{:.1f}"),
    ("during_99", "one history meanwhile, 99th percentile, us", "{:.1f}"),
    ("during_longest", "the longest, ms", "{:.1f}"),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max", type=int, default=SIZES[1], help="largest size (10000000)")
    parser.add_argument("--sizes", type=int, nargs="*", help="these sizes only")
    parser.add_argument("--step", choices=("make", "measure"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        (make if given.step == "make" else measure)(given.folder, given.size)
        return
    sizes = given.sizes or [size for size in SIZES if size <= given.max]
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="tvrec-bench-") as name:
            child("make", Path(name), size)
            found.append(child("measure", Path(name), size))
    print(f"{'ratings':<62}" + "".join(f"{size:>14,}" for size in sizes))
    for key, label, form in ROWS:
        print(f"{label:<62}" + "".join(f"{form.format(each[key]):>14}" for each in found))


if __name__ == "__main__":
    main()
