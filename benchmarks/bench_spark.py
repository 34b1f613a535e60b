"""The ingest on one machine and on Spark, by number of ratings and of workers.

Everything is generated; batches have 10,000 events. Each way begins with an empty snapshot,
then takes in a hundredth as many new events on top. All end with the same digest, or the
script fails. The workers are processes of this machine with one core each, so two of them
say how the work divides, and not what a network costs. Seconds of Spark are those of the
ingest alone: to start a session takes some more, which is printed. Processor seconds are
those of all processes that take part, which neighbours change little.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from benchmarks.bench_ingest import events
from mlproject import config
from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.bootstrap import opened_store
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest as ingest_here
from mlproject.snapshot.keys import SNAPSHOT
from mlproject.snapshot.switch import read_manifest

A_BATCH: Final = 10_000
PER_USER: Final = 100
PARTITIONS: Final = 6

Ingest = Callable[[LocalStore], None]


def fill(store: ObjectStore, first: int, count: int, users: int) -> None:
    """Write batches of a stream from position ``first``."""
    for start in range(first, first + count, A_BATCH):
        key = BatchKey(start // A_BATCH % PARTITIONS, start)
        store.put(str(key), encode_batch(key, events(A_BATCH, start, users)))


def forget_snapshot(store: LocalStore) -> None:
    """Remove the snapshot, and leave the batches."""
    for info in list(store.list(SNAPSHOT)):
        store.delete(info.key)


def digest(store: LocalStore) -> str:
    """Return the digest of the snapshot."""
    manifest = read_manifest(store).manifest
    return manifest.digest if manifest else ""


@contextmanager
def here(_: Path) -> Iterator[Ingest]:
    """Ingest in this process, as the builder does."""
    yield lambda store: void(ingest_here(store))


@contextmanager
def on_spark(folder: Path, *, workers: int) -> Iterator[Ingest]:
    """Ingest on a standalone cluster."""
    from mlproject.spark.ingest import ingest  # noqa: PLC0415
    from mlproject.spark.session import session  # noqa: PLC0415
    from mlproject.spark.standalone import standalone  # noqa: PLC0415

    conf = {"spark.executor.memory": "1g", "spark.driver.memory": "1g", "spark.ui.enabled": "false"}
    with standalone(folder / "spark", workers=workers, port=0, page_port=0) as cluster:
        begun = time.monotonic()
        with session("bench", cluster.master, conf) as spark:
            spark.range(workers, numPartitions=workers).count()
            print(f"# a session with {workers} workers took {time.monotonic() - begun:.1f} s")
            open_store = partial(opened_store, config.load(state_dir=folder))
            yield lambda _: void(ingest(spark, open_store))


def void(_: object) -> None:
    """Drop what a timed step returns."""


WAYS: Final[dict[str, Callable[[Path], AbstractContextManager[Ingest]]]] = {
    "here": here,
    "1 worker": partial(on_spark, workers=1),
    "2 workers": partial(on_spark, workers=2),
}


def processor_seconds() -> float:
    """Return what this process and all that it has started have used."""
    used = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has ended, and counts with its parent
            used += sum(process.cpu_times()[:4])
    return used


def timed(step: Callable[[], None]) -> str:
    """Return how long a step takes, in seconds and in processor seconds."""
    used, begun = processor_seconds(), time.monotonic()
    step()
    return f"{time.monotonic() - begun:.1f} s (processor {processor_seconds() - used:.1f} s)"


def measured(way: str, folder: Path, count: int) -> None:
    """Print a row; leave the store without a snapshot, and without the new batches."""
    store = LocalStore(folder / "store")
    users = max(1, count // PER_USER)
    new = max(A_BATCH, count // 100)
    with WAYS[way](folder) as run:
        first = timed(lambda: run(store))
        fill(store, count, new, users)
        second = timed(lambda: run(store))
    for start in range(count, count + new, A_BATCH):
        store.delete(str(BatchKey(start // A_BATCH % PARTITIONS, start)))
    found = digest(store)
    print(
        f"{way:10} {count:12,} ratings: first {first}, then {new:,} more {second}; "
        f"digest {found[:12]}",
        flush=True,
    )


def main() -> None:
    """Measure each way in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        way, folder, count = given.one
        measured(way, Path(folder), int(count))
        return
    for count in given.sizes:
        with tempfile.TemporaryDirectory(prefix="bench-spark-") as folder:
            store = LocalStore(Path(folder) / "store")
            fill(store, 0, count, max(1, count // PER_USER))
            digests = set()
            for way in given.ways:
                command = [sys.executable, "-m", "benchmarks.bench_spark", "--one"]
                subprocess.run([*command, way, folder, str(count)], check=True)
                digests.add(digest(store))
                forget_snapshot(store)
                shutil.rmtree(Path(folder) / "spark", ignore_errors=True)
            if len(digests) != 1:
                raise SystemExit(f"the digests differ: {digests}")


if __name__ == "__main__":
    main()
