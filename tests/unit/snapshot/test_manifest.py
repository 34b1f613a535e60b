"""The manifest comes back as it was written, or says that it is damaged."""

import json
from dataclasses import replace

import pytest

from mlproject.batches.progress import Totals, Watermark
from mlproject.core.errors import DataError
from mlproject.snapshot.manifest import Manifest, SegmentInfo

SEGMENT = SegmentInfo("snapshots/ratings/segments/0000000001-ab.parquet", 3, "ab" * 32, 100)
MANIFEST = Manifest(
    generation=4,
    base=(SEGMENT,),
    deltas=(replace(SEGMENT, rows=1), replace(SEGMENT, rows=2)),
    watermarks={0: Watermark("a", "tag", 10), 12: Watermark("b", "tag", 2**40)},
    totals=Totals(1, 2, 3, 4),
    rows=6,
    users=2,
    shows=3,
    digest="0" * 32,
)


def test_it_comes_back_as_it_was() -> None:
    assert Manifest.decoded(MANIFEST.encoded()) == MANIFEST
    assert MANIFEST.segments == MANIFEST.base + MANIFEST.deltas


def test_totals_add_up() -> None:
    assert Totals(1, 2, 3, 4) + Totals(10, 20, 30, 40) == Totals(11, 22, 33, 44)


def test_a_later_schema_is_named() -> None:
    raw = json.loads(MANIFEST.encoded()) | {"schema_version": 3}
    with pytest.raises(DataError, match="schema version 3, this program reads up to 2"):
        Manifest.decoded(json.dumps(raw).encode())


def test_one_of_the_first_schema_is_written_anew_in_todays() -> None:
    """What is made of it may hold retractions, which a program of that time does not know."""
    raw = json.loads(MANIFEST.encoded()) | {"schema_version": 1}
    assert Manifest.decoded(json.dumps(raw).encode()) == MANIFEST


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        MANIFEST.encoded()[:-30],
        MANIFEST.encoded().replace(b'"rows"', b'"lines"'),
        MANIFEST.encoded().replace(b'"watermarks": {', b'"watermarks": 3, "other": {'),
    ],
)
def test_a_damaged_one_is_said_to_be_so(content: bytes) -> None:
    with pytest.raises(DataError, match="damaged"):
        Manifest.decoded(content)
