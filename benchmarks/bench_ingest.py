"""What a cycle of ingest costs on top of many old ratings, and how fast a first one is.

Everything is generated. Each size runs in a process of its own, so that its peak memory is
its own. The cycle is split into what depends on the new ratings (listing, fetching,
writing, switching) and the one pass over the arrays of the old ones.

The pass writes its result into memory that is new to the process. In a virtual machine that
gives free memory back to its host (free page reporting), memory that was freed a second ago
costs up to 15 times as much as such that was freed just now: 0.2 s or 2.8 s of system time
for 2 GiB, measured alone. So at 50 million ratings passes differ by a second or two, and the
pass is timed within the cycle, not beside it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
import pandas as pd

from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.batches.progress import Totals
from mlproject.core import columns as c
from mlproject.core.events import EventSource, event_ids
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.ratings import RatingFrame
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import IngestLimits, ingest
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.state import Merged, RatingsState
from mlproject.snapshot.switch import Seen, commit, current, write_segments
from tests.servers import minio_program, minio_server, rclone_server

SIZES = (1_000_000, 10_000_000, 50_000_000)
SHOWS, PER_USER = 12_000, 100
NEW, OBJECTS, CYCLES = 10_000, 10, 7
START_MS = 1_735_689_600_000


def old_ratings(count: int) -> RatingColumns:
    """Return ``count`` ratings, 100 a user, sorted by user, then show."""
    rng = np.random.default_rng(1)
    stride = SHOWS // PER_USER
    places = np.tile(np.arange(PER_USER), count // PER_USER) * stride
    time_ms = START_MS - rng.integers(0, 10**10, count)
    return RatingColumns(
        user_id=np.repeat(np.arange(count // PER_USER), PER_USER),
        show_id=places + rng.integers(0, stride, count),
        rating=rng.integers(0, 11, count).astype(np.int8),
        rated_at=time_ms,
        id_high=(time_ms.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000),
        id_low=rng.integers(0, 2**63, count).astype(np.uint64),
    )


def events(count: int, first: int, users: int) -> RatingFrame:
    """Return new events of a stream from position ``first``."""
    rng = np.random.default_rng(first)
    at = START_MS + first + np.arange(count)
    frame = pd.DataFrame(
        {
            c.EVENT_ID: event_ids(at, first + np.arange(count), seed=1),
            c.USER_ID: rng.integers(0, users, count),
            c.SHOW_ID: rng.integers(0, SHOWS, count),
            c.RATING: rng.integers(1, 11, count),
            c.RATED_AT: pd.to_datetime(at, unit="ms", utc=True),
            c.SOURCE: EventSource.SIMULATED.value,
        }
    )
    return RatingFrame.typed(frame)


def batches(count: int, rows: int, first: int, users: int) -> list[tuple[str, bytes]]:
    """Return keys and contents of ``count`` batches of ``rows`` events each."""
    whole = events(count * rows, first, users).frame
    return [
        (
            str(BatchKey(0, first + start)),
            encode_ratings(RatingFrame(whole.iloc[start : start + rows])),
        )
        for start in range(0, count * rows, rows)
    ]


def make(folder: Path, size: int) -> None:
    """Write a snapshot of ``size`` ratings; print how long the base took, in seconds."""
    store = LocalStore(folder)
    state = RatingsState.of_sorted(old_ratings(size))
    started = time.perf_counter()
    base = write_segments(store, state.ratings, 1)
    seconds = time.perf_counter() - started
    manifest = Manifest.of(state, 1, base=base, deltas=(), watermarks={}, totals=Totals())
    commit(store, Seen(None, None), manifest)
    written = sum(info.size for info in base)
    print(json.dumps({"compact": seconds, "bytes_a_rating": written / size}))


def measure(folder: Path, size: int) -> None:
    """Load, then run cycles; print the medians, in seconds, and memory, in MiB."""
    store = LocalStore(folder)
    started = time.perf_counter()
    _, state = current(store)
    loaded = time.perf_counter() - started
    after_load = peak_mib()
    cycles: list[float] = []
    passes: list[float] = []

    def merge(state: RatingsState, new: RatingColumns) -> Merged:
        started = time.perf_counter()
        merged = plain_merge(state, new)
        passes.append(time.perf_counter() - started)
        return merged

    plain_merge = RatingsState.merge
    for cycle in range(CYCLES):
        for key, content in batches(OBJECTS, NEW // OBJECTS, cycle * NEW, size // PER_USER):
            store.put(key, content)
        with patch.object(RatingsState, "merge", merge):
            started = time.perf_counter()
            state, report = ingest(store, state)
            cycles.append(time.perf_counter() - started)
        assert report.read.events == NEW
        assert not report.compacted
    figures = {
        "load": loaded,
        "cycle": median(cycles),
        "pass": median(passes),
        "rest": median(np.subtract(cycles, passes)),
        "after_load": after_load,
        "peak": peak_mib(),
    }
    print(json.dumps(figures))


def peak_mib() -> float:
    """Return the most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(step: str, folder: Path, size: int) -> dict[str, float]:
    """Run a step in a process of its own; return its figures."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--size"]
    done = subprocess.run([*command, str(size)], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def cycles(largest: int) -> None:
    """Print what a cycle costs over the sizes."""
    print(f"cycle with {NEW:,} new ratings in {OBJECTS} objects, local folder, seconds")
    print(
        f"{'old ratings':>12}{'cycle':>8}{'pass':>8}{'the rest':>10}{'pass/10M':>10}"
        f"{'load':>8}{'compact':>9}{'B/rating':>10}{'peak MiB':>10}{'after load':>12}"
    )
    for size in SIZES:
        if size > largest:
            break
        with tempfile.TemporaryDirectory(prefix="tvrec-bench-") as name:
            made = child("make", Path(name), size)
            found = child("measure", Path(name), size)
        print(
            f"{size:12,}{found['cycle']:8.3f}{found['pass']:8.3f}"
            f"{found['rest']:10.3f}{found['pass'] * 1e7 / size:10.3f}"
            f"{found['load']:8.2f}{made['compact']:9.2f}{made['bytes_a_rating']:10.1f}"
            f"{found['peak']:10,.0f}{found['after_load']:12,.0f}"
        )


def first_ingest(store: ObjectStore, objects: int, rows: int = 100) -> float:
    """Return how many small objects are read a second for the first time."""
    with ThreadPoolExecutor(16) as pool:
        made = batches(objects, rows, 0, objects)
        list(pool.map(lambda each: store.put(*each), made))
    started = time.perf_counter()
    _, report = ingest(store)
    seconds = time.perf_counter() - started
    assert report.read.batches == objects
    assert report.read.events == objects * rows
    return objects / seconds


def first_ingests(objects: int, s3_objects: int) -> None:
    """Print how fast first ingests from a folder and from S3 servers on this machine are."""
    print(f"\nfirst ingest, objects of 100 ratings, {IngestLimits().threads} threads")
    print(f"{'from':>12}{'objects':>9}{'objects/s':>11}{'ratings/s':>11}{'to the folder':>15}")

    def row(name: str, count: int, speed: float, folder: float) -> None:
        share = speed / folder
        print(f"{name:>12}{count:9,}{speed:11,.0f}{speed * 100:11,.0f}{share:15.2f}", flush=True)

    with ExitStack() as stack:

        def fresh() -> Path:
            return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tvrec-bench-")))

        speed = first_ingest(LocalStore(fresh()), objects)
        row("folder", objects, speed, speed)
        # As many objects as from S3, since what a cycle costs at any size counts more with few.
        folder = first_ingest(LocalStore(fresh()), s3_objects)
        row("folder", s3_objects, folder, folder)
        servers = {"rclone": rclone_server(fresh())}
        if minio := minio_program():
            servers["MinIO"] = minio_server(minio, fresh())
        for name, starting in servers.items():
            with starting as server:
                row(name, s3_objects, first_ingest(server.bucket("bench"), s3_objects), folder)
    if not minio:
        print("MinIO is not on the path, nor named by TVREC_TEST_MINIO: not measured")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max", type=int, default=SIZES[1], help="largest size (10000000)")
    parser.add_argument("--objects", type=int, default=10_000, help="of a first ingest (10000)")
    parser.add_argument("--s3-objects", type=int, default=2_000, help="of those from S3 (2000)")
    parser.add_argument("--step", choices=("make", "measure"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        (make if given.step == "make" else measure)(given.folder, given.size)
        return
    cycles(given.max)
    first_ingests(given.objects, given.s3_objects)


if __name__ == "__main__":
    main()
