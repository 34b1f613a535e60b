"""Ingest and fit on one machine and on Spark, by number of ratings and of workers.

Everything is generated; batches have 10,000 events. Each way begins with an empty snapshot,
then takes in a hundredth as many new events on top. All end with the same digest, or the
script fails. With ``--fit`` the linear model is fitted on the snapshot then. The workers are
processes of this machine with one core each, so two of them say how the work divides, and not
what a network costs. Seconds of Spark are those of the steps alone: to start a session takes
some more, which is printed. Processor seconds are those of all processes that take part, which
neighbours change little.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from scipy import sparse

from benchmarks.bench_ingest import SHOWS, events
from mlproject import config
from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.bootstrap import App
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Split
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_columns import RatingColumns
from mlproject.dataset.matrices import of_shows
from mlproject.dataset.split import HoldNothing
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import IngestLimits
from mlproject.snapshot.ingest import ingest as ingest_here
from mlproject.snapshot.keys import SNAPSHOT
from mlproject.snapshot.switch import current, read_manifest
from mlproject.training.trainer import Trainer

A_BATCH: Final = 10_000
PER_USER: Final = 100
PARTITIONS: Final = 6
DRAWN: Final = 10_000
# What one process reads before it writes takes some 250 bytes a rating: 5 GB.
AT_ONCE: Final = IngestLimits(batches_per_commit=2_000, bytes_per_commit=1 << 40)
HALF_LIFE_DAYS: Final = 90.0


@dataclass(frozen=True)
class Way:
    """What ingests, and what fits on the snapshot."""

    ingest: Callable[[LocalStore], object]
    fit: Callable[[LocalStore], object]


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
def here(folder: Path) -> Iterator[Way]:
    """Work in this process, as the builder does."""
    with App(config.load(state_dir=folder)) as app:
        yield Way(
            partial(ingest_here, limits=AT_ONCE),
            lambda store: fitted(app.trainer("linear"), current(store)[1].ratings),
        )


@contextmanager
def on_spark(folder: Path, *, workers: int) -> Iterator[Way]:
    """Work on a standalone cluster."""
    from mlproject.spark.ingest import ingest  # noqa: PLC0415
    from mlproject.spark.session import session  # noqa: PLC0415
    from mlproject.spark.standalone import standalone  # noqa: PLC0415
    from mlproject.spark.training_data import TrainingData  # noqa: PLC0415

    conf = {"spark.executor.memory": "1g", "spark.driver.memory": "1g", "spark.ui.enabled": "false"}
    with (
        App(config.load(state_dir=folder)) as app,
        standalone(folder / "spark", workers=workers, port=0, page_port=0) as cluster,
    ):
        begun = time.monotonic()
        with session("bench", cluster.master, conf) as spark:
            spark.range(workers, numPartitions=workers).count()
            print(f"# a session with {workers} workers took {time.monotonic() - begun:.1f} s")

            def fit(store: LocalStore) -> object:
                manifest = read_manifest(store).manifest
                assert manifest
                data = TrainingData(spark, app.open_store, manifest)
                drawn = data.drawn(min(1.0, DRAWN / manifest.users))
                return fitted(app.spark_trainer("linear", data), drawn)

            yield Way(lambda _: ingest(spark, app.open_store), fit)


def fitted(trainer: Trainer, ratings: RatingColumns) -> object:
    """Fit on ratings, or on all that the trainer knows; nothing is held out."""
    data, _ = of_shows(ratings, IdMap(np.arange(SHOWS)))
    rule = HoldNothing()
    split = Split(data, rule.held_out(data), rule=rule)
    no_metadata = sparse.csr_array(np.zeros((SHOWS, 1), dtype=np.float32))
    return trainer.refit(split, no_metadata, HALF_LIFE_DAYS, {"prior": 1.0}, lambda _: None)


WAYS: Final[dict[str, Callable[[Path], AbstractContextManager[Way]]]] = {
    "here": here,
    "1 worker": partial(on_spark, workers=1),
    "2 workers": partial(on_spark, workers=2),
}


def of_all(what: Callable[[psutil.Process], float]) -> float:
    """Add up a figure of this process and of all that it has started."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has ended; its time counts with its parent
            total += what(process)
    return total


def processor_seconds() -> float:
    """Return what they have used."""
    return of_all(lambda process: sum(process.cpu_times()[:4]))


def memory() -> float:
    """Return what they hold, in bytes."""
    return of_all(lambda process: process.memory_info().rss)


@contextmanager
def looking() -> Iterator[Callable[[], float]]:
    """Look at the memory during the block; yield what tells the most of it, in bytes."""
    ended, most = threading.Event(), [memory()]

    def look() -> None:
        while not ended.wait(0.5):
            most.append(memory())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: max(most)
    finally:
        ended.set()
        thread.join()


def timed(step: Callable[[], object]) -> str:
    """Return how long a step takes, by the clock and the processors, and its memory."""
    used, begun = processor_seconds(), time.monotonic()
    with looking() as most:
        step()
    clock, processor = time.monotonic() - begun, processor_seconds() - used
    return f"{clock:.1f} s (processor {processor:.1f} s, memory {most() / 2**30:.1f} GiB)"


def measured(way: str, folder: Path, count: int, *, fits: bool) -> None:
    """Print some rows; leave the store without a snapshot, and without the new batches."""
    store = LocalStore(folder / "store")
    users = max(1, count // PER_USER)
    new = max(A_BATCH, count // 100)
    name = f"{way:10} {count:12,} ratings:"
    with WAYS[way](folder) as run:
        first = timed(lambda: run.ingest(store))
        fill(store, count, new, users)
        second = timed(lambda: run.ingest(store))
        print(
            f"{name} first {first}, then {new:,} more {second}; digest {digest(store)[:12]}; "
            f"load {os.getloadavg()[1]:.0f}",
            flush=True,
        )
        if fits:
            print(f"{name} fit {timed(lambda: run.fit(store))}", flush=True)
    for start in range(count, count + new, A_BATCH):
        store.delete(str(BatchKey(start // A_BATCH % PARTITIONS, start)))


def main() -> None:
    """Measure each way in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--fit", action="store_true", help="fit, too")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        way, folder, count = given.one
        measured(way, Path(folder), int(count), fits=given.fit)
        return
    for count in given.sizes:
        with tempfile.TemporaryDirectory(prefix="bench-spark-") as folder:
            store = LocalStore(Path(folder) / "store")
            fill(store, 0, count, max(1, count // PER_USER))
            digests = set()
            for way in given.ways:
                command = [sys.executable, "-m", "benchmarks.bench_spark", "--one"]
                command += [way, folder, str(count), *(["--fit"] if given.fit else [])]
                subprocess.run(command, check=True)
                digests.add(digest(store))
                forget_snapshot(store)
                shutil.rmtree(Path(folder) / "spark", ignore_errors=True)
            if len(digests) != 1:
                raise SystemExit(f"the digests differ: {digests}")


if __name__ == "__main__":
    main()
