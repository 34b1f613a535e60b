"""JSON lines as the sinks and we write them; one bad line costs that line and no more."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.batches import jsonl, jsonl_arrow
from mlproject.batches.jsonl import JsonBatch, encode_json_lines, last_offset
from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.event_fields import NAMES
from mlproject.core.event_keys import event_keys
from mlproject.core.rating_scale import UNRATED
from tests import builders
from tests.rating_rows import rows

MS = 1_735_689_600_123

Decode = Callable[[bytes], JsonBatch]


@pytest.fixture(params=[jsonl, jsonl_arrow], ids=["light", "arrow"])
def decode(request: pytest.FixtureRequest) -> Decode:
    """Either reader, which have the same verdict on every line."""
    return request.param.decode_json_lines


def event(**changes: Any) -> dict[str, Any]:
    whole = {
        c.EVENT_ID: "one",
        c.USER_ID: 7,
        c.SHOW_ID: 101,
        c.RATING: 8,
        c.RATED_AT: MS,
        c.SOURCE: "REPLAYED",
    }
    return {**whole, **changes}


def lines(*entries: Any) -> bytes:
    return "\n".join(json.dumps(entry) for entry in entries).encode()


def halves(event_id: str) -> tuple[int, int]:
    high, low = event_keys([event_id])
    return int(high[0]), int(low[0])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_fields_lie_at_the_top_or_under_value(pack: Any, decode: Decode) -> None:
    content = pack(
        lines(event(), {"value": event(event_id="two"), "offset": 41, "key": "7"}) + b"\n\n"
    )
    batch = decode(content)
    assert rows(batch.ratings) == [(7, 101, 8, MS, *halves(name)) for name in ("one", "two")]
    assert batch.rejected == []
    assert batch.highest == 41
    assert batch.next_offset(0) == 42


@pytest.mark.parametrize(
    "time",
    [
        MS,
        float(MS),
        "2025-01-01T00:00:00.123Z",
        "2025-01-01T01:00:00.123456+01:00",
        "2025-01-01 00:00:00.123",
    ],
)
def test_times_are_milliseconds_or_iso(time: object, decode: Decode) -> None:
    good = decode(lines(event(rated_at=time), event(rated_at=MS - 1))).ratings
    assert sorted(good.rated_at.tolist()) == [MS - 1, MS]


def test_no_rating_is_watched_and_no_source_is_no_fault(decode: Decode) -> None:
    unrated = event(rating=None)
    del unrated[c.SOURCE]
    batch = decode(lines(unrated))
    assert batch.ratings.rating.tolist() == [UNRATED]
    assert batch.rejected == []


def test_ids_of_any_size_stay_exact_beside_odd_ones(decode: Decode) -> None:
    big = 2**62 + 1
    batch = decode(
        lines(event(user_id=big), event(user_id="12"), event(user_id=None), event(user_id=2**64))
    )
    assert batch.ratings.user_id.tolist() == [big, 12]
    assert len(batch.rejected) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event_id": None}, "no event_id"),
        ({"user_id": -1}, "user_id is not a whole number"),
        ({"user_id": True}, "user_id is not a whole number"),
        ({"show_id": [1]}, "show_id is not a whole number"),
        ({"show_id": 10**30}, "show_id is not a whole number"),
        ({"rating": 11}, "rating is not a whole number"),
        ({"rating": "good"}, "rating is not a number"),
        ({"rating": 10**30}, "rating is not a whole number"),
        ({"rating": float("nan")}, "rating is not a number"),
        ({"rated_at": "yesterday"}, "rated_at is not a time"),
        ({"rated_at": None}, "rated_at is not a time"),
        ({"rated_at": 10**30}, "rated_at is not a time"),
        ({"rated_at": float("inf")}, "rated_at is not a time"),
        ({"event_id": "\ud800"}, "not an event"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason(
    changes: dict[str, Any], reason: str, decode: Decode
) -> None:
    batch = decode(lines(event(), event(**changes), event()))
    assert len(batch.ratings) == 2
    (row,) = batch.rejected
    assert row[c.REASON].startswith(reason)


@pytest.mark.parametrize(
    "line", [b'{"event_id": "cut', b"[1]", b"3", b"null", b'{"value": 3}', b"[" * 100_000]
)
def test_a_broken_line_is_kept_as_it_came(line: bytes, decode: Decode) -> None:
    batch = decode(lines(event()) + b"\n" + line + b"\n" + lines(event()))
    assert len(batch.ratings) == 2
    (row,) = batch.rejected
    assert row["line"] == line.decode()[:1000]
    assert row[c.REASON].startswith("not an event")


def test_a_line_ends_with_a_newline_and_nothing_else(decode: Decode) -> None:
    text = json.dumps(event(event_id="a\u2028b\x85c"), ensure_ascii=False)
    assert len(decode(text.encode()).ratings) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xfe{}", "not text in UTF-8"),
        (gzip.compress(lines(event()), mtime=0)[:-9], "gzip"),
        (gzip.compress(lines(event()), mtime=0)[:-4] + b"0000", "gzip"),
        (b"\x1f\x8b\x08" + b"damaged" * 9, "gzip"),
    ],
)
def test_what_is_not_text_is_not_a_batch(content: bytes, reason: str, decode: Decode) -> None:
    with pytest.raises(BatchError, match=reason):
        decode(content)


def test_a_late_time_is_read_whatever_stands_beside_it(decode: Decode) -> None:
    late = event(rated_at="2025-06-01T00:00:00Z")
    fine = event(rated_at="2025-01-01T00:00:00.123456789+02:00", event_id="two")
    alone = decode(lines(late)).ratings
    # A broken line makes the batch go line by line.
    together = decode(lines(late, fine) + b"\n{")
    assert len(together.rejected) == 1
    assert set(alone.rated_at) < set(together.ratings.rated_at)


@pytest.mark.parametrize("time", ["now", "today", "2025/01/01", "20250101T000000", "2025-W01-1"])
def test_a_time_has_one_form(time: str, decode: Decode) -> None:
    """pandas takes "now" for the moment of reading."""
    (row,) = decode(lines(event(rated_at=time))).rejected
    assert row[c.REASON] == "rated_at is not a time"


GOOD = json.dumps(event())


@pytest.mark.parametrize(
    "text",
    [
        GOOD[:-1] + ', "x": -Inf}',
        GOOD[:-1] + ', "x": -NaN}',
        GOOD[:-1] + ', "\\u0076alue": 3}',
        # Three objects on three lines, but not one on each.
        GOOD + GOOD + "\n" + GOOD[:-1] + "\n}",
    ],
)
def test_what_arrow_reads_otherwise_is_left_to_python(text: str, decode: Decode) -> None:
    batch = decode(f"{GOOD}\n{text}".encode())
    assert len(batch.ratings) == 1
    assert {row[c.REASON][:12] for row in batch.rejected} == {"not an event"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)), max_size=8))
def test_no_json_stops_the_reader(events: list[dict[str, Any]]) -> None:
    batch = jsonl.decode_json_lines(b"\n" + lines(*events))
    assert len(batch.ratings) + len(batch.rejected) == len(events)
    json.dumps(batch.rejected)


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_written_is_read_again(decode: Decode, *, compressed: bool) -> None:
    ratings = builders.ratings(25, rating=[None, *range(1, 11)] * 2 + [5, 6, 7])
    content = encode_json_lines(ratings.events(), 1200, compressed=compressed)
    batch = decode(content)
    assert rows(batch.ratings) == rows(ratings.to_columns())
    assert (batch.rejected, batch.highest) == ([], 1224)
    assert last_offset(content) == 1224


def test_the_same_events_are_the_same_bytes() -> None:
    written = {
        encode_json_lines(builders.ratings(5).events(), 0, compressed=True) for _ in range(2)
    }
    assert len(written) == 1


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_a_batch_without_an_end_has_no_last_offset(cut: int) -> None:
    content = encode_json_lines(builders.ratings(2).events(), 0)
    with pytest.raises(BatchError):
        last_offset(content[:cut])


LIGHT = """
import sys
from mlproject.batches import jsonl, keys, listing, log, progress
from mlproject.core import event_fields, event_values, rating_columns, rating_log
heavy = {"pandas", "pyarrow", "scipy", "sklearn"} & set(sys.modules)
batch = jsonl.decode_json_lines(sys.stdin.buffer.read())
assert not heavy and not {"pandas", "pyarrow"} & set(sys.modules), heavy
print(len(batch.ratings), batch.ratings.user_id.sum(), batch.highest)
"""


def test_neither_pandas_nor_pyarrow_is_needed_to_read_them() -> None:
    content = encode_json_lines(builders.ratings(4).events(), 0, compressed=True)
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], input=content, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.split() == [b"4", b"6", b"3"]
