"""A new optional field touches the schema and the table, and travels all the way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import mlproject
from mlproject.batches.parquet import encode_ratings
from mlproject.core import columns as c
from mlproject.core.ratings import RatingFrame

PACKAGE = Path(mlproject.__file__).parent
TABLE, SCHEMA = "core/event_fields.py", "events/schemas/show_rated.avsc"

# All that a developer writes, at the end of the table and of the schema's fields.
IN_TABLE = """
    EventField("device", Kind.TEXT, is_optional=True, since=3),
    EventField("watched_minutes", Kind.WHOLE, is_optional=True, since=3),
    EventField("watched_at", Kind.INSTANT, is_optional=True, since=3),
)
"""
IN_SCHEMA = """
    ,{"name": "device", "type": ["null", "string"], "default": null, "doc": "On what."}
    ,{"name": "watched_minutes", "type": ["null", "long"], "default": null, "doc": "How long."}
    ,{"name": "watched_at", "default": null, "doc": "When.",
      "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]}
  ]
}
"""

OLD = {
    c.EVENT_ID: "one",
    c.USER_ID: 1,
    c.SHOW_ID: 2,
    c.RATING: 8,
    c.RATED_AT: 1_735_689_600_000,
    c.SOURCE: "SERVICE",
    c.RETRACTED: None,
}
NEW = {"device": "tv", "watched_minutes": 50, "watched_at": 2000}
WALK = f"""
import sys
import numpy as np
import pandas as pd
from datetime import UTC, datetime
from mlproject.batches import jsonl
from mlproject.batches.formats import decode_batch, decode_frame, encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.catalogue.files import bundled
from mlproject.core.events import EventSource, RatingEvent
from mlproject.core.ratings import RatingFrame
from mlproject.events.codec import decode, encode, encode_frame
from mlproject.events.schema import current_schema
from tests.schemas import incompatibilities, released_schemas
from mlproject.events.simulator import Simulator

OLD = {OLD!r}
NEW = {NEW!r}
NONE = dict.fromkeys(NEW)
BAD = [NEW | {{"watched_minutes": -1}}, NEW | {{"watched_at": "soon"}}]
schemas = {{1: current_schema()}}

def read(message):
    event = decode(message, schemas.__getitem__)
    return {{name: int(value.timestamp() * 1000) if isinstance(value, datetime) else value
            for name, value in event.items()}}

# The old schema is read, and the new one is spoken.
for released in released_schemas().values():
    assert incompatibilities(current_schema(), released) == []
assert read(encode(OLD | NEW, 1)) == OLD | NEW
rated = RatingEvent("one", 1, 2, 8, 1_735_689_600_000, EventSource.SERVICE)
assert read(encode(rated.record(), 1)) == OLD | NONE

# Rows with the fields, without them, and with values that they do not take.
raw = pd.DataFrame([OLD | NEW, OLD | NONE, *(OLD | bad for bad in BAD)], dtype="object")
good, rejected = RatingFrame.validated(raw)
assert list(good.events()) == [OLD | NEW, OLD | NONE]
assert rejected["reason"].tolist() == [
    "watched_minutes is not a whole number of at least 0", "watched_at is not a time"]
old, _ = RatingFrame.validated(pd.DataFrame([OLD]))
assert list(old.events()) == [OLD | NONE]
assert [read(value) for _, value in encode_frame(good, 1)] == [OLD | NEW, OLD | NONE]

# Batches of each format, of yesterday too; the arrays of the snapshot are as they were.
for ending in ("parquet", "jsonl", "jsonl.gz"):
    key = BatchKey(0, 0, ending)
    content = encode_batch(key, good)
    assert list(decode_frame(key, content).events()) == [OLD | NEW, OLD | NONE]
    batch = decode_batch(key, content)
    assert (batch.ratings.user_id.tolist(), len(batch.rejected)) == ([1, 1], 0)
lines = jsonl.encode_json_lines([OLD, OLD | NEW, *(OLD | bad for bad in BAD)], 0)
for decoder in (jsonl.decode_json_lines, lambda some: decode_batch(BatchKey(0, 0, "jsonl"), some)):
    batch = decoder(lines)
    assert (len(batch.ratings), len(batch.rejected)) == (2, 2)
yesterday = open(sys.argv[1], "rb").read()
assert list(decode_frame(BatchKey(0, 0), yesterday).events()) == [OLD | NONE]
assert len(decode_batch(BatchKey(0, 0), yesterday).ratings) == 1

# Who knows nothing of the fields goes on without them.
simulator = Simulator(bundled().read(), users=5, ratings=20, seed=1, now=lambda: datetime.now(UTC))
assert all(event["device"] is None for event in simulator.read(0, 20).events())
assert len(encode_frame(simulator.read(0, 20), 1)) == 20
print("arrived")
"""


@pytest.fixture
def tomorrow(tmp_path: Path) -> Path:
    """A copy of the package with three more fields in the table and in the schema."""
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    table, schema = copy / TABLE, copy / SCHEMA
    whole = table.read_text(encoding="utf-8")
    last = "    EventField(c.RETRACTED, Kind.FLAG, is_optional=True, since=2),\n)\n"
    assert whole.count(last) == 1
    table.write_text(whole.replace(last, last[:-3] + IN_TABLE), encoding="utf-8")
    body = schema.read_text(encoding="utf-8").rstrip().removesuffix("}").rstrip()
    schema.write_text(body.removesuffix("]") + IN_SCHEMA, encoding="utf-8")
    return tmp_path


def test_a_new_field_is_two_edits_and_arrives(tomorrow: Path, tmp_path: Path) -> None:
    today, rejected = RatingFrame.validated(pd.DataFrame([OLD]))
    assert rejected.empty
    yesterday = tmp_path / "yesterday.parquet"
    yesterday.write_bytes(encode_ratings(today))
    done = subprocess.run(
        [sys.executable, "-c", WALK, yesterday],
        env={**os.environ, "PYTHONPATH": f"{tomorrow}{os.pathsep}{PACKAGE.parent}"},
        cwd=tomorrow,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "arrived\n", done.stderr
