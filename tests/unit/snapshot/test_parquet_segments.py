"""Segments of older releases are read, and written anew by the next ingest."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from struct import pack

import pyarrow as pa
import pytest
from pyarrow import parquet

from mlproject.core.errors import DataError
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.keys import SEGMENTS
from mlproject.snapshot.manifest import SegmentInfo
from mlproject.snapshot.segments import decode_segment, unpack_segment
from mlproject.snapshot.switch import commit, current, read_manifest
from mlproject.testing import MemoryStore
from tests import builders
from tests.rating_rows import Row, put, rows

ROWS: list[Row] = [(1, 2, 0, 1000, 0, 1), (1, 3, 7, -5, 2**64 - 1, 2), (2**62, 3, 7, 0, 1, 2)]

pytestmark = builders.PYARROW_AND_PANDAS


def old_segment(*given: Row) -> tuple[SegmentInfo, bytes]:
    """A segment as older releases wrote it."""
    user, show, rating, at, high, low = zip(*given, strict=True)
    keys = [pack(">QQ", *halves) for halves in zip(high, low, strict=True)]
    table = pa.table(
        {
            "user_id": pa.array(user, pa.int64()),
            "show_id": pa.array(show, pa.int64()),
            "rating": pa.array([each or None for each in rating], pa.int8()),
            "rated_at": pa.array(at, pa.timestamp("ms", tz="UTC")),
            "event_id": pa.array(keys, pa.binary(16)),
        }
    )
    names = ("user_id", "show_id", "rated_at", "event_id")
    fields = [
        field.with_nullable(field.name not in names)  # as the writer said it
        for field in table.schema
    ]
    buffer = io.BytesIO()
    parquet.write_table(table.cast(pa.schema(fields)), buffer, compression="zstd")
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    key = f"{SEGMENTS}0000000001-{digest[:16]}.parquet"
    return SegmentInfo(key, len(given), digest, len(content)), content


def test_it_is_read() -> None:
    assert rows(decode_segment(*old_segment(*ROWS))) == ROWS


def test_damage_is_noticed() -> None:
    info, _ = old_segment(*ROWS)
    forged = replace(info, sha256=hashlib.sha256(b"PAR1").hexdigest())
    with pytest.raises(DataError, match="cannot be read"):
        decode_segment(forged, b"PAR1")


def test_the_service_is_told_to_wait(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the next ingest rewrites it"):
        unpack_segment(*old_segment(*ROWS), tmp_path)


def test_the_next_ingest_writes_it_anew_even_if_nothing_is_new(store: MemoryStore) -> None:
    put(store, 0, 0, count=3)
    state, _ = ingest(store)
    info, content = old_segment(*rows(state.ratings))
    store.put(info.key, content)
    seen = read_manifest(store)
    assert seen.manifest
    commit(store, seen, replace(seen.manifest, generation=2, base=(info,)))
    again, report = ingest(store)
    assert report.compacted
    assert (report.generation, again.digest) == (3, state.digest)
    manifest = read_manifest(store).manifest
    assert manifest
    assert all(each.key.endswith(".npz") for each in manifest.segments)
    assert rows(current(store)[1].ratings) == rows(state.ratings)
    assert not ingest(store)[1].compacted
