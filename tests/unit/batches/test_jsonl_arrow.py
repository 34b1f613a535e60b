"""The short way of reading JSON lines gives what the long way gives."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.batches import jsonl, jsonl_arrow
from mlproject.batches.jsonl_arrow import decode_json_lines
from mlproject.core import columns as c
from tests.rating_rows import rows
from tests.unit.batches.test_jsonl import MS, event, lines

ID = st.sampled_from([0, 7, 2**62 + 1, 2**63 - 1, 2**63, -1, "7", 7.0])
TIMES = {
    "number": st.sampled_from([0, MS, -1, 253_402_300_799_999, 2**62, "1"]),
    "text": st.datetimes(
        min_value=datetime(1969, 12, 31),  # noqa: DTZ001 - hypothesis wants none
        timezones=st.just(UTC),
    ).map(datetime.isoformat)
    | st.sampled_from(
        [
            "2025-01-01T00:00:00.123Z",
            "2025-01-01 00:00:00.123456789Z",
            "2025-01-01T00:00:00.1Z",
            "2025-01-01T01:00:00.123+01:00",
            "2025-01-01T00:00:00",
            "2025-02-30T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:60Z",
            "2025",
            "2025-01-01",
            "1735689600123",
            "soon",
            "",
            None,
        ]
    ),
}


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    """Lines of one form, mostly; of both, or with one broken, at times."""
    time, under_value = draw(st.sampled_from(["number", "text"])), draw(st.booleans())
    events = st.fixed_dictionaries(
        {
            c.EVENT_ID: st.sampled_from(
                ["one", "two", "", "Inf", "\u00fc", str(UUID(int=5)), None]
            ),
            c.USER_ID: ID,
            c.SHOW_ID: st.sampled_from([0, 7, 101]),
            c.RATING: st.sampled_from([None, 0, 1, 7.0, 7.5, 10, 11, float("nan"), 10**30]),
            c.RATED_AT: TIMES[time],
        },
        optional={
            c.SOURCE: st.sampled_from(["A", None, 3]),
            c.RETRACTED: st.sampled_from([None, True, False, "true", 1]),
            "offset": st.integers(-1, 50),
        },
    )
    outer = st.fixed_dictionaries({"value": events}, optional={"offset": st.integers(-1, 50)})
    entries = draw(st.lists(outer if under_value else events, min_size=1, max_size=5))
    text = [json.dumps(entry, ensure_ascii=draw(st.booleans())) for entry in entries]
    place = draw(st.integers(0, len(text) - 1))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(text[place])))
        end = min(len(text[place]), start + draw(st.integers(0, 3)))
        instead = st.sampled_from(
            ["", "\n", " ", "}\n{", "{}", "}", "{", ",", "\\", "\t", "-Inf", "NaN", "null", "9"]
        )
        text[place] = text[place][:start] + draw(instead) + text[place][end:]
    return ("\n".join(text) + draw(st.sampled_from(["", "\n", " "]))).encode()


@settings(max_examples=300, deadline=None)
@given(batches())
def test_the_short_way_gives_what_the_long_way_gives(content: bytes) -> None:
    short, long = decode_json_lines(content), jsonl.decode_json_lines(content)
    assert sorted(rows(short.ratings)) == sorted(rows(long.ratings))
    assert short.rejected == long.rejected
    assert short.highest == long.highest


@pytest.mark.parametrize(
    "entry",
    [
        event(rating=7.0),
        event(rated_at="2025-01-01T00:00:00.123Z"),
        event(rated_at="2025-01-01T00:00:00Z", rating=None),
        {"value": event(), "offset": 12, "key": "7", "timestamp": MS, "headers": []},
    ],
)
def test_what_the_sinks_write_takes_the_short_way(
    entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl_arrow, "read_lines", None)
    batch = decode_json_lines(lines(*[entry] * 3) + b"\n")
    assert (len(batch.ratings), batch.rejected) == (3, [])


def test_only_the_rows_that_need_it_take_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []

    def read(some: Any) -> jsonl.JsonBatch:
        judged.extend(some)
        return jsonl.read_lines(judged)

    monkeypatch.setattr(jsonl_arrow, "read_lines", read)
    batch = decode_json_lines(lines(event(), event(rating=11), event(user_id=-1)))
    assert (len(batch.ratings), len(batch.rejected), len(judged)) == (1, 2, 2)
