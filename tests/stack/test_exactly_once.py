"""Nothing is lost and nothing is doubled, whatever is killed or stopped meanwhile."""

import json
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlproject.core import columns as c
from mlproject.events.replay import ReplaySource
from mlproject.snapshot.keys import MANIFEST, PROBE, SEGMENTS
from tests.servers import wait_until
from tests.stack.world import World, grows

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, func_only=True)]

EVENTS = 200_000
PER_SECOND = 1000
"""While there is trouble; the rest of the stream follows as fast as possible."""
SHOWS = 100
MINIO_AWAY_S = 30


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 200,000 ratings, each of another user or another show."""
    path = tmp_path_factory.mktemp("stream") / "ratings.csv"
    numbers = pd.RangeIndex(EVENTS)
    pd.DataFrame(
        {
            c.USER_ID: numbers // SHOWS,
            # Of the bundled catalogue, whose ids begin at 1.
            c.SHOW_ID: 1 + numbers % SHOWS,
            c.RATING: 1 + numbers * 7 % 10,
            c.RATED_AT: 1_700_000_000 + numbers,
        }
    ).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def after(world: World, stream: Path) -> World:
    """The world after the stream has flowed through all the trouble, one after the other."""
    log = "generator.log"
    words = ("tvrec", "generate-ratings", "--replay", str(stream), "--rate")

    def sent() -> int:
        return sum(world.ends().values())

    def written() -> int:
        return sum(world.written().values())

    world.good("export-shows")
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {sent():7,} sent, {written():7,} kept: {what}")

    generator = world.start(log, *words, str(PER_SECOND), TVREC_REPLAY_BACKLOG="0")
    wait_until(lambda: written() > 0, 90, "the first batch")
    tell("the broker is stopped")
    with world.without("kafka"):
        pass
    grows(sent, 60, "events after the broker's restart")
    grows(written, 90, "batches after the broker's restart")
    tell("the generator is killed")
    assert generator.poll() is None, world.said(log)
    generator.kill()
    generator.wait()
    saved = world.position()
    assert 0 < saved <= sent(), "what is not acknowledged does not count"
    generator = world.start(log, *words, str(PER_SECOND), TVREC_REPLAY_BACKLOG="0")
    grows(sent, 60, "events after the generator was killed")
    tell("Connect is killed")
    world.kill("connect")
    grows(written, 120, "batches after Connect was killed")
    tell("MinIO is stopped")
    with world.without("minio"):
        time.sleep(MINIO_AWAY_S)
    tell("MinIO is back")
    grows(written, 90, "batches after MinIO's stop")
    tell("batches are written again")
    assert generator.poll() is None, world.said(log)
    generator.send_signal(signal.SIGTERM)
    assert generator.wait(timeout=60) == 0, world.said(log)
    saved = world.position()
    generator = world.start(log, *words, "0", TVREC_REPLAY_BACKLOG="0")
    end = f"the source has ended after {EVENTS} ratings"
    wait_until(lambda: end in world.said(log), 120, end)
    generator.send_signal(signal.SIGTERM)
    assert generator.wait(timeout=60) == 0, world.said(log)
    # From the saved position on: the generator has acknowledged all of the stream.
    assert f"sent {EVENTS - saved} ratings, {EVENTS} in all" in world.said(log)
    tell("the stream has ended")
    world.wait_until_written(90)
    tell("everything is written")
    return world


def test_every_acknowledged_event_is_in_the_batches(after: World, stream: Path) -> None:
    """The ids of events are those of the stream: none is missing, none is of elsewhere."""
    expected = ReplaySource.open(stream, backlog_share=0, seed=42).read(0, EVENTS).frame
    found = Counter(record.event[c.EVENT_ID] for record in after.records())
    assert found.keys() == set(expected[c.EVENT_ID])
    # What the generator sent again after its kill is Kafka's too, under the same ids.
    assert found.total() == sum(after.ends().values())
    print(f"{found.total() - EVENTS:,} events were sent twice")


def test_every_offset_is_in_exactly_one_batch(after: World) -> None:
    offsets = defaultdict(list)
    for record in after.records():
        offsets[record.partition].append(record.offset)
    assert len(offsets) == 6
    for partition, end in after.ends().items():
        assert offsets[partition] == list(range(end)), f"partition {partition}"


def test_a_builder_that_is_killed_loses_and_doubles_nothing(after: World) -> None:
    """Killed before its first read, then between reading and its manifest, then later."""
    settings = {"TVREC_EPOCHS": "1", "TVREC_DIMENSIONS": "4", "TVREC_BUILD_INTERVAL": "5"}
    log = "killed.log"
    for sign in (PROBE, SEGMENTS, MANIFEST):
        builder = after.start(log, "tvrec", "build", **settings)
        # Not wait_until, whose pauses are longer than what is to be interrupted.
        while not after.keys(sign):
            assert builder.poll() is None, after.said(log)
        builder.kill()
        builder.wait()
        print(f"killed at {sign}, with {len(after.keys(MANIFEST))} manifest")
        if sign == PROBE:
            assert not after.keys(MANIFEST)
    builder = after.start("builder.log", "tvrec", "build", **settings)
    told = f"make {EVENTS:,} ratings"
    wait_until(lambda: told in after.said("builder.log"), 180, told)
    builder.send_signal(signal.SIGTERM)
    assert builder.wait(timeout=60) == 0, after.said("builder.log")

    status = after.status()
    assert status["rows"] == EVENTS, "as many ratings as were acknowledged"
    assert status["totals"]["events"] == sum(after.ends().values()), "each event read once"
    assert status["lag"] == 0
    told = after.good("dataset", "rebuild").stdout
    assert told.splitlines()[1] == "equal", told
    assert after.status()["digest"] == status["digest"]


def test_connect_that_comes_back_while_minio_is_away_goes_on(after: World, stream: Path) -> None:
    """Its tasks wait for the bucket instead of failing for good."""
    with after.without("minio"):
        after.kill("connect")
        after.wait_for("connect")
        # Until the dead worker's partitions are given to the new one's tasks.
        time.sleep(MINIO_AWAY_S)
    with stream.open("a") as file:
        for row in range(EVENTS, EVENTS + 5000):
            rating, at = 1 + row * 7 % 10, 1_700_000_000 + row
            file.write(f"{row // SHOWS},{1 + row % SHOWS},{rating},{at}\n")
    words = ("generate-ratings", "--once", "--replay", str(stream))
    after.good(*words, TVREC_REPLAY_BACKLOG="1")
    after.wait_until_written(60)

    def connector() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(after.good("connect", "status", "--json").stdout)
        return told

    # Connect tells Kafka of it every ten seconds.
    wait_until(lambda: connector()["lag"] == 0, 40, "no lag")
    assert {task["state"] for task in connector()["tasks"]} == {"RUNNING"}
