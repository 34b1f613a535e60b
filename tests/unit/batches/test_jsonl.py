"""JSON lines as the sinks write them; one bad line costs that line and no more."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.batches import jsonl
from mlproject.batches.jsonl import decode_json_lines
from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.event_keys import event_keys
from mlproject.core.rating_columns import UNRATED
from tests.rating_rows import rows

MS = 1_735_689_600_123


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
def test_fields_lie_at_the_top_or_under_value(pack: Any) -> None:
    content = pack(
        lines(event(), {"value": event(event_id="two"), "offset": 41, "key": "7"}) + b"\n\n"
    )
    good, rejected, highest = decode_json_lines(content)
    assert rows(good) == [(7, 101, 8, MS, *halves(name)) for name in ("one", "two")]
    assert rejected.empty
    assert highest == 41


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
def test_times_are_milliseconds_or_iso(time: object) -> None:
    good, _, _ = decode_json_lines(lines(event(rated_at=time), event(rated_at=0)))
    assert sorted(good.rated_at.tolist()) == [0, MS]


def test_no_rating_is_watched_and_no_source_is_no_fault() -> None:
    unrated = event(rating=None)
    del unrated[c.SOURCE]
    good, rejected, _ = decode_json_lines(lines(unrated))
    assert good.rating.tolist() == [UNRATED]
    assert rejected.empty


def test_ids_of_any_size_stay_exact_beside_odd_ones() -> None:
    big = 2**62 + 1
    good, rejected, _ = decode_json_lines(
        lines(event(user_id=big), event(user_id="12"), event(user_id=None), event(user_id=2**64))
    )
    assert good.user_id.tolist() == [big, 12]
    assert len(rejected) == 2


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
def test_a_bad_row_is_rejected_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    good, rejected, _ = decode_json_lines(lines(event(), event(**changes), event()))
    assert len(good) == 2
    assert rejected[c.REASON].tolist() == [rejected[c.REASON].iloc[0]]
    assert rejected[c.REASON].iloc[0].startswith(reason)


@pytest.mark.parametrize(
    "line", [b'{"event_id": "cut', b"[1]", b"3", b"null", b'{"value": 3}', b"[" * 100_000]
)
def test_a_broken_line_is_kept_as_it_came(line: bytes) -> None:
    good, rejected, _ = decode_json_lines(lines(event()) + b"\n" + line + b"\n" + lines(event()))
    assert len(good) == 2
    assert rejected["line"].tolist() == [line.decode()[:1000]]
    assert rejected[c.REASON].str.startswith("not an event").all()


def test_a_line_ends_with_a_newline_and_nothing_else() -> None:
    text = json.dumps(event(event_id="a\u2028b\x85c"), ensure_ascii=False)
    assert len(decode_json_lines(text.encode())[0]) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xfe{}", "not text in UTF-8"),
        (gzip.compress(lines(event()))[:-9], "gzip"),
        (gzip.compress(lines(event()))[:-4] + b"0000", "gzip"),
        (b"\x1f\x8b\x08" + b"damaged" * 9, "gzip"),
    ],
)
def test_what_is_no_text_is_no_batch(content: bytes, reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        decode_json_lines(content)


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
        optional={c.SOURCE: st.sampled_from(["A", None, 3]), "offset": st.integers(-1, 50)},
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


def test_a_late_time_is_read_whatever_stands_beside_it() -> None:
    late = event(rated_at="2263-01-01T00:00:00Z")
    fine = event(rated_at="2025-01-01T00:00:00.123456789+02:00", event_id="two")
    alone, _, _ = decode_json_lines(lines(late))
    # A broken line makes the batch go line by line.
    together, rejected, _ = decode_json_lines(lines(late, fine) + b"\n{")
    assert len(rejected) == 1
    assert set(alone.rated_at) < set(together.rated_at)


@settings(max_examples=300, deadline=None)
@given(batches())
def test_the_short_way_gives_what_the_long_way_gives(content: bytes) -> None:
    short, rejected, highest = decode_json_lines(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "_read_whole", lambda _: None)
        long, rejected_too, highest_too = decode_json_lines(content)
    assert sorted(rows(short)) == sorted(rows(long))
    assert repr(rejected.to_dict("records")) == repr(rejected_too.to_dict("records"))
    assert highest == highest_too


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
def test_what_arrow_reads_otherwise_is_left_to_python(text: str) -> None:
    good, rejected, _ = decode_json_lines(f"{GOOD}\n{text}".encode())
    assert len(good) == 1
    assert rejected[c.REASON].str.startswith("not an event").all()


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
    monkeypatch.setattr(jsonl, "_read_lines", None)
    good, rejected, _ = decode_json_lines(lines(*[entry] * 3) + b"\n")
    assert (len(good), len(rejected)) == (3, 0)


def test_only_the_rows_that_need_it_take_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    inner = jsonl._read_lines
    monkeypatch.setattr(jsonl, "_read_lines", lambda some: (judged.extend(some), inner(some))[1])
    good, rejected, _ = decode_json_lines(lines(event(), event(rating=11), event(user_id=-1)))
    assert (len(good), len(rejected), len(judged)) == (1, 2, 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50)
@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(c.RATING_COLUMNS, JSON)), max_size=8)
)
def test_no_json_stops_the_reader(events: list[dict[str, Any]]) -> None:
    good, rejected, _ = decode_json_lines(b"\n" + lines(*events))
    assert len(good) + len(rejected) == len(events)
    rejected.to_json(orient="records", lines=True, date_format="iso")
