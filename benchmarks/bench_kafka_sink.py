"""How many rating events one process encodes, and sends into a mock Kafka.

The broker is the mock cluster of librdkafka, in this process: it keeps 5 MB a partition
and writes nothing to disk, so the numbers tell of the client, not of Kafka.
"""

import argparse
import json
import logging
import resource
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from confluent_kafka import Producer

from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from mlproject.core.events import EventSource, event_ids
from mlproject.core.ratings import RatingFrame
from mlproject.events.codec import encode_frame
from mlproject.events.simulator import Simulator
from mlproject.kafka.producer import ProducerOptions
from mlproject.kafka.sink import KafkaRatingSink

# What the generator appends at once.
CHUNK = 10_000


def simulated(n: int) -> list[RatingFrame]:
    """Return ``n`` events in the shape of the simulator's, in chunks."""
    rng = np.random.default_rng(1)
    at = 1_735_689_600_000 + np.cumsum(rng.integers(0, 400, n))
    ratings = pd.array(rng.integers(1, 11, n), dtype="Int8")
    ratings[rng.random(n) < 0.2] = pd.NA
    frame = pd.DataFrame(
        {
            c.EVENT_ID: event_ids(at, np.arange(n), seed=1),
            c.USER_ID: rng.integers(0, 100_000, n),
            c.SHOW_ID: rng.integers(0, 12_000, n),
            c.RATING: ratings,
            c.RATED_AT: pd.to_datetime(at, unit="ms", utc=True),
            c.SOURCE: EventSource.SIMULATED.value,
        }
    )
    frame = RatingFrame.typed(frame).frame
    return [RatingFrame(frame.iloc[first : first + CHUNK]) for first in range(0, n, CHUNK)]


def encode_seconds(chunks: list[RatingFrame]) -> float:
    """Return how long encoding takes, in seconds."""
    start = time.perf_counter()
    for chunk in chunks:
        encode_frame(chunk, schema_id=1)
    return time.perf_counter() - start


def send_seconds(
    chunks: list[RatingFrame], servers: str, linger_ms: float, compression: str
) -> tuple[float, float]:
    """Return how long sending takes, in seconds, and what is sent, in bytes an event."""
    latest: dict[str, Any] = {}
    options = ProducerOptions(
        compression=compression,
        linger_ms=linger_ms,
        properties={
            "statistics.interval.ms": 100,
            "stats_cb": lambda text: latest.update(json.loads(text)),
        },
    )
    sink = KafkaRatingSink(servers, f"bench-{linger_ms:g}-{compression}", 1, options=options)
    sink.append(RatingFrame.empty())  # connects
    start = time.perf_counter()
    for chunk in chunks:
        sink.append(chunk)
    sink.flush()
    seconds = time.perf_counter() - start
    while not latest or latest["txmsgs"] < sink.position:
        sink.append(RatingFrame.empty())
        time.sleep(0.01)
    return seconds, latest["tx_bytes"] / latest["txmsgs"]


def generate_seconds(n: int, servers: str) -> float:
    """Return how long the generator takes at `--rate 0`: simulate, encode and send."""
    source = Simulator(
        bundled().read(), users=2000, ratings=0, seed=1, now=lambda: datetime.now(UTC)
    )
    sink = KafkaRatingSink(servers, "bench-generator", 1)
    sink.append(source.read(0, CHUNK))  # connects
    sink.flush()
    start = time.perf_counter()
    for position in range(CHUNK, n + CHUNK, CHUNK):
        sink.append(source.read(position, CHUNK))
    sink.flush()
    return time.perf_counter() - start


def main() -> None:
    """Print a table of events a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000, help="how many (500000)")
    n = parser.parse_args().events
    chunks = simulated(n)
    owner = Producer({"test.mock.num.brokers": 1, "logger": logging.getLogger("mock")})
    servers = ",".join(f"{b.host}:{b.port}" for b in owner.list_topics(timeout=10).brokers.values())

    print(f"{'':24}{'events/s':>10}{'bytes/event':>14}")
    print(f"{'encode only':24}{n / encode_seconds(chunks):10,.0f}")
    for linger_ms in (5, 50, 200):
        for compression in ("none", "lz4", "zstd"):
            seconds, size = send_seconds(chunks, servers, linger_ms, compression)
            name = f"linger {linger_ms} ms, {compression}"
            print(f"{name:24}{n / seconds:10,.0f}{size:14.1f}")
    print(f"{'simulate, encode, send':24}{n / generate_seconds(n, servers):10,.0f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory with the mock broker: {peak / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
