"""How many events a second the real servers take, stage by stage, and over minutes.

Run by ``make bench-stack``; the servers are started for it, in a folder of their own. The
stages run one after the other, so that each has the machine for itself:

1. generator to topic: ``tvrec generate-ratings`` replays a file as fast as it can, while
   the connector is paused
2. topic to objects: the connector writes what has gathered
3. objects to snapshot: one ingest of all of it

Then events flow at a steady rate through all three. The lag of the connector is bounded
if it is no larger in the second half than in the first.
"""

import argparse
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pandas as pd
import psutil

from mlproject.batches.keys import BatchKey
from mlproject.core import columns as c
from mlproject.core.topics import TOPIC
from mlproject.kafka.connector import NAME
from stack import control
from stack.install import missing_tools
from stack.temporary import temporary_stack
from tests.servers import wait_until
from tests.stack.world import World

SHOWS = 500
SERVERS = ("kafka", "connect", "minio")
INGEST_SECONDS = 10.0
FULL = 10_000
"""Records of a full batch; the others were written by age."""


def ratings_file(folder: Path, events: int) -> Path:
    """Write a file of ratings, each of another user or another show."""
    path, numbers = folder / "ratings.csv", pd.RangeIndex(events)
    pd.DataFrame(
        {
            c.USER_ID: numbers // SHOWS,
            c.SHOW_ID: 1 + numbers % SHOWS,
            c.RATING: 1 + numbers * 7 % 10,
            c.RATED_AT: 1_700_000_000 + numbers,
        }
    ).to_csv(path, index=False)
    return path


class Processors:
    """What the servers spend of the processors while something is measured."""

    def __init__(self, world: World) -> None:
        layout = world.stack.layout
        self._servers = {name: psutil.Process(control.pid(layout, name)) for name in SERVERS}
        self._before = self._seconds()
        self._since = time.monotonic()

    def __str__(self) -> str:
        """Say how many processors each server has used on average."""
        elapsed = time.monotonic() - self._since
        now = self._seconds()
        return ", ".join(
            f"{name} {(now[name] - before) / elapsed:.2f}" for name, before in self._before.items()
        )

    def _seconds(self) -> dict[str, float]:
        return {name: sum(server.cpu_times()[:2]) for name, server in self._servers.items()}


def connector(world: World, what: str) -> None:
    """Pause or resume the connector."""
    url = f"{world.settings['TVREC_CONNECT_URL']}/connectors/{NAME}/{what}"
    urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=30).close()


def sent(world: World) -> int:
    """Return how many events the topic has taken."""
    return sum(world.ends().values())


def topic_rate(world: World, file: Path, events: int) -> float:
    """Return the events a second from the generator to the topic."""
    words = ("tvrec", "generate-ratings", "--once", "--replay", str(file))
    generator = world.start("generator.log", *words, TVREC_REPLAY_BACKLOG="1")
    wait_until(lambda: sent(world) > 0, 120, "the first event")
    used, first, began = Processors(world), sent(world), time.monotonic()
    usage = psutil.Process(generator.pid)
    busy = sum(usage.cpu_times()[:2])
    while (now := sent(world)) < events:
        if generator.poll() is None:
            busy_now = sum(usage.cpu_times()[:2])
        time.sleep(0.05)
    seconds = time.monotonic() - began
    print(f"  processors: generator {(busy_now - busy) / seconds:.2f}, {used}")
    return (now - first) / seconds


def object_rate(world: World) -> float:
    """Return the events a second from the topic to the objects, by their full batches."""
    used = Processors(world)
    connector(world, "resume")
    world.wait_until_written(600)
    print(f"  processors: {used} (idle ends included)")
    ends, found = world.ends(), []
    pages = world.s3.get_paginator("list_objects_v2").paginate(
        Bucket=world.bucket, Prefix=f"topics/{TOPIC}/"
    )
    for page in pages:
        for entry in page["Contents"]:
            key = BatchKey.parse(entry["Key"])
            assert key
            found.append((key.partition, key.offset, entry["LastModified"].timestamp()))
    found.sort()
    following = [*found[1:], (-1, 0, 0.0)]
    full = []
    for (partition, offset, at), (next_partition, next_offset, _) in zip(
        found, following, strict=True
    ):
        end = next_offset if next_partition == partition else ends[partition]
        if end - offset == FULL:
            full.append(at)
    full.sort()
    if len(full) < 2 or full[-1] == full[0]:
        raise SystemExit("too few full batches to tell a rate: more --events are needed")
    seconds: float = full[-1] - full[0]
    return (len(full) - 1) * FULL / seconds


def snapshot_rate(world: World) -> float:
    """Return the events a second from the objects to the snapshot."""
    began = time.monotonic()
    _, report = world.ingest()
    return report.read.events / (time.monotonic() - began)


def sustained(world: World, folder: Path, rate: float, seconds: float) -> None:
    """Let events flow at a steady rate; print the lags."""
    start = sent(world)
    # The same file, grown by more than will be sent.
    file = ratings_file(folder, world.position() + round(2 * rate * seconds))
    generator = world.start(
        "live.log",
        *("tvrec", "generate-ratings", "--rate", str(rate), "--replay", str(file)),
        TVREC_REPLAY_BACKLOG="0",
    )
    wait_until(lambda: sent(world) > start, 120, "the first live event")
    used, began, first = Processors(world), time.monotonic(), sent(world)
    lags: list[tuple[float, int]] = []
    ingests: list[float] = []
    state, ingested = None, began
    while (now := time.monotonic()) - began < seconds:
        lags.append((now - began, sent(world) - sum(world.written().values())))
        if now - ingested >= INGEST_SECONDS:
            ingested = now
            state, _ = world.ingest(state)
            ingests.append(time.monotonic() - now)
        time.sleep(1)
    events, elapsed = sent(world) - first, time.monotonic() - began
    generator.terminate()
    generator.wait(timeout=60)
    early = [lag for at, lag in lags if at < seconds / 2]
    late = [lag for at, lag in lags if at >= seconds / 2]
    print(f"sustained {events / elapsed:,.0f} events/s over {elapsed:.0f} s, {rate:,.0f} asked")
    print(f"  lag of the connector, first half:  median {median(early):,.0f}, most {max(early):,}")
    print(f"  lag of the connector, second half: median {median(late):,.0f}, most {max(late):,}")
    if ingests:
        print(f"  an ingest every {INGEST_SECONDS:.0f} s took {max(ingests):.2f} s at most")
    print(f"  processors: {used}")


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of each stage (1000000)")
    parser.add_argument("--seconds", type=float, default=300, help="of the steady flow (300)")
    parser.add_argument("--rate", type=float, help="of it; half of the slowest stage's unless set")
    given = parser.parse_args()
    if missing := missing_tools():
        sys.exit(f"this machine lacks {'; '.join(missing)}")
    with temporary_stack() as stack, tempfile.TemporaryDirectory(prefix="tvrec-") as name:
        world = World.of(stack, "bench", Path(name))
        try:
            world.clear()
            world.good("export-shows")
            file = ratings_file(Path(name), given.events)
            connector(world, "pause")
            stages: dict[str, Callable[[], float]] = {
                "generator to topic": lambda: topic_rate(world, file, given.events),
                "topic to objects": lambda: object_rate(world),
                "objects to snapshot": lambda: snapshot_rate(world),
            }
            rates = {}
            for stage, measure in stages.items():
                rates[stage] = measure()
                print(f"{stage:20}{rates[stage]:10,.0f} events/s")
            slowest = min(rates, key=lambda stage: rates[stage])
            print(f"the bottleneck is {slowest}")
            sustained(world, Path(name), given.rate or rates[slowest] / 2, given.seconds)
        finally:
            world.end()


if __name__ == "__main__":
    main()
