"""How fast batches become arrays: our Parquet, foreign Parquet, JSON lines.

Processor time of one thread, since a busy machine lengthens any other.
"""

import argparse
import gzip
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from mlproject.batches.formats import decode_batch
from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.core import columns as c
from mlproject.core.events import EventSource, event_ids
from mlproject.core.ratings import RatingFrame

REPEATS = 5
START_MS = 1_735_689_600_000


def events(count: int) -> RatingFrame:
    """Return that many events of 1,000 users and 500 shows."""
    rng = np.random.default_rng(1)
    at = START_MS + np.arange(count)
    frame = pd.DataFrame(
        {
            c.EVENT_ID: event_ids(at, np.arange(count), seed=1),
            c.USER_ID: rng.integers(0, 1000, count),
            c.SHOW_ID: rng.integers(0, 500, count),
            c.RATING: rng.integers(1, 11, count),
            c.RATED_AT: pd.to_datetime(at, unit="ms", utc=True),
            c.SOURCE: EventSource.SIMULATED.value,
        }
    )
    return RatingFrame.typed(frame)


def foreign(ratings: RatingFrame) -> bytes:
    """Return a file of types that others write: int32, double, microseconds."""
    table = parquet.read_table(io.BytesIO(encode_ratings(ratings)))
    for name, kind in (
        (c.USER_ID, pa.int32()),
        (c.RATING, pa.float64()),
        (c.RATED_AT, pa.timestamp("us")),
    ):
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(kind))
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def json_lines(ratings: RatingFrame, *, iso: bool = False, bad: int = 0) -> bytes:
    """Return lines as the Connect sink writes them; the last ``bad`` ones are cut off."""
    lines = []
    for offset, record in enumerate(ratings.records()):
        at = record[c.RATED_AT]
        value = record | {
            c.RATING: float(record[c.RATING]),
            c.RATED_AT: at.isoformat("T", "milliseconds").replace("+00:00", "Z")
            if iso
            else at.value // 10**6,
        }
        lines.append(json.dumps({"key": str(record[c.USER_ID]), "value": value, "offset": offset}))
    kept = len(lines) - bad
    return "\n".join(lines[:kept] + [line[:-9] for line in lines[kept:]]).encode()


KINDS: Final[dict[str, tuple[str, Callable[[RatingFrame], bytes]]]] = {
    "our Parquet": ("parquet", encode_ratings),
    "foreign Parquet": ("parquet", foreign),
    "JSON, ms": ("json", json_lines),
    "JSON, ms, gzip": ("json.gz", lambda ratings: gzip.compress(json_lines(ratings))),
    "JSON, ISO": ("json", lambda ratings: json_lines(ratings, iso=True)),
    "JSON, one line cut off": ("json", lambda ratings: json_lines(ratings, bad=1)),
}


def measure(kind: str, rows: int) -> dict[str, float]:
    """Decode a batch a few times; return the median in seconds and the memory it took."""
    ending, encode = KINDS[kind]
    key, content = BatchKey(0, 0, ending), encode(events(rows))
    decode_batch(key, encode(events(10)))  # what is imported at first use
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        batch = decode_batch(key, content)
        taken.append(time.process_time() - started)
    assert len(batch.ratings) + len(batch.rejected) == rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": median(taken), "size": len(content), "grown": (peak - before) / 1024}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(measure(given.step[0], int(given.step[1]))))
        return
    for rows in (1_000, 100_000):
        print(f"batches of {rows:,} rows")
        print(f"{'format':>24}{'MB':>8}{'rows/s':>12}{'to our Parquet':>16}{'grown MiB':>11}")
        base: Any = None
        for kind in KINDS:
            command = [sys.executable, __file__, "--step", kind, str(rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            base = base or found["seconds"]
            print(
                f"{kind:>24}{found['size'] / 1e6:8.2f}{rows / found['seconds']:12,.0f}"
                f"{found['seconds'] / base:16.1f}{found['grown']:11,.0f}"
            )


if __name__ == "__main__":
    main()
