"""Messages are what other Kafka clients expect, and a bad one is only ever a BatchError."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.errors import BatchError, DataError, UnavailableError
from mlproject.core.event_fields import NAMES
from mlproject.core.events import event_ids
from mlproject.core.ratings import RatingFrame
from mlproject.events.codec import decode, encode, encode_frame, message_key
from mlproject.events.schema import Schema, current_schema, schema_text

SCHEMA_ID = 258
SCHEMAS = {SCHEMA_ID: current_schema()}
EVENT: dict[str, Any] = {
    c.EVENT_ID: "01941f29-7c00-7000-8000-000000000001",
    c.USER_ID: 42,
    c.SHOW_ID: 300,
    c.RATING: 9,
    c.RATED_AT: datetime(2025, 1, 1, tzinfo=UTC),
    c.SOURCE: "SIMULATED",
    c.RETRACTED: None,
}
# By hand from the Avro specification: lengths and numbers are zig-zag varints.
GOLDEN = (
    b"\x00"  # magic byte
    b"\x00\x00\x01\x02"  # schema id 258
    b"\x4801941f29-7c00-7000-8000-000000000001"  # 36 characters
    b"\x54"  # user 42
    b"\xd8\x04"  # show 300
    b"\x02\x12"  # second branch of the union, rating 9
    b"\x80\xf0\xcb\xf2\x83\x65"  # 1,735,689,600,000 ms
    b"\x02"  # second symbol
    b"\x00"  # first branch of the union, not retracted
)
BODY = 5

events = st.fixed_dictionaries(
    {
        c.EVENT_ID: st.uuids().map(str) | st.text(),
        c.USER_ID: st.integers(0, 2**63 - 1),
        c.SHOW_ID: st.integers(0, 2**63 - 1),
        c.RATING: st.none() | st.integers(1, 10),
        c.RATED_AT: st.integers(-62_135_596_800_000, 253_402_300_799_999).map(
            lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        ),
        c.SOURCE: st.sampled_from(["UNKNOWN", "SIMULATED", "REPLAYED", "SERVICE"]),
        c.RETRACTED: st.sampled_from([None, True, False]),
    }
)


def frame(n: int) -> RatingFrame:
    at = 1_735_689_600_000 + np.arange(n)
    ratings, rejected = RatingFrame.validated(
        pd.DataFrame(
            {
                c.EVENT_ID: event_ids(at, np.arange(n), seed=1),
                c.USER_ID: np.arange(n) % 7,
                c.SHOW_ID: np.arange(n) * 1000,
                c.RATING: [None if i % 5 == 0 else i % 10 + 1 for i in range(n)],
                c.RATED_AT: at,
                c.SOURCE: "REPLAYED",
            }
        )
    )
    assert rejected.empty
    return ratings


def evolved(**changes: Any) -> Schema:
    """The current schema with fields changed, added, or (None) left out."""
    schema = json.loads(schema_text())
    fields = {each["name"]: each for each in schema["fields"]}
    for name, change in changes.items():
        fields[name] = change and {"name": name, **change}
    schema["fields"] = [each for each in fields.values() if each]
    parsed: Schema = parse_schema(schema)
    return parsed


def written_with(schema: Schema, event: dict[str, Any]) -> bytes:
    buffer = io.BytesIO(GOLDEN[:BODY])
    buffer.seek(BODY)
    schemaless_writer(buffer, schema, event)
    return buffer.getvalue()


def test_the_bytes_are_those_of_the_specification() -> None:
    assert encode(EVENT, SCHEMA_ID) == GOLDEN
    assert decode(GOLDEN, SCHEMAS.__getitem__) == EVENT


def test_a_time_may_be_milliseconds() -> None:
    assert encode({**EVENT, c.RATED_AT: 1_735_689_600_000}, SCHEMA_ID) == GOLDEN


@given(events)
def test_what_is_encoded_is_decoded(event: dict[str, Any]) -> None:
    assert decode(encode(event, SCHEMA_ID), SCHEMAS.__getitem__) == event


def test_a_frame_is_encoded_as_its_rows_are() -> None:
    ratings = frame(50)
    messages = encode_frame(ratings, SCHEMA_ID)
    rows = [
        {name: None if value is pd.NA else value for name, value in row.items()}
        for row in ratings.frame.to_dict("records")
    ]
    assert messages == [(message_key(row[c.USER_ID]), encode(row, SCHEMA_ID)) for row in rows]


def test_a_frame_of_no_rows_is_no_messages() -> None:
    assert encode_frame(RatingFrame.empty(), SCHEMA_ID) == []


def test_a_frame_with_a_strange_source_is_an_error_that_names_the_event() -> None:
    ratings = frame(3)
    ratings.frame.loc[1, c.SOURCE] = "NOWHERE"
    with pytest.raises(DataError, match=f"{ratings.frame[c.EVENT_ID][1]}.*'NOWHERE'"):
        encode_frame(ratings, SCHEMA_ID)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({c.EVENT_ID: None}, "event_id"),
        ({c.USER_ID: 2**63}, "too large"),
        ({c.RATING: "nine"}, "rating"),
        ({c.SOURCE: "NOWHERE"}, "'NOWHERE'"),
        ({c.RATED_AT: datetime(2025, 1, 1)}, "no time zone"),  # noqa: DTZ001
    ],
)
def test_an_event_that_does_not_fit_is_not_encoded(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        encode({**EVENT, **change}, SCHEMA_ID)


@pytest.mark.parametrize("length", range(len(GOLDEN)))
def test_a_message_cut_anywhere_is_a_batch_error(length: int) -> None:
    with pytest.raises(BatchError, match="too short" if length < BODY else "truncated"):
        decode(GOLDEN[:length], SCHEMAS.__getitem__)


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: GOLDEN[:BODY] + tail))
def test_random_bytes_are_a_batch_error_or_an_event(message: bytes) -> None:
    try:
        event = decode(message, SCHEMAS.__getitem__)
    except BatchError:
        return
    assert tuple(event) == NAMES


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_a_batch_error_or_an_event(position: int, flip: int) -> None:
    message = bytearray(GOLDEN)
    message[position] ^= flip
    try:
        event = decode(bytes(message), SCHEMAS.__getitem__)
    except BatchError:
        return
    assert tuple(event) == NAMES


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "too short: 0 bytes"),
        (b"\x01" + GOLDEN[1:], "starts with the byte 1 instead of 0"),
        (b"{" + GOLDEN[1:], "starts with the byte 123 instead of 0"),
        (b"\x00\x00\x00\x00\x07" + GOLDEN[BODY:], "unknown schema id 7"),
        (GOLDEN[:-2] + b"\x08\x00", "enum symbol or a union branch that the schema 258 has not"),
        (GOLDEN + b"\x00", "1 bytes after its body"),
        (GOLDEN.replace(b"01941f29", b"\xff1941f29"), "utf-8"),
    ],
)
def test_a_batch_error_says_what_is_wrong(message: bytes, reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        decode(message, SCHEMAS.__getitem__)


def test_a_time_beyond_the_calendar_is_a_batch_error() -> None:
    with pytest.raises(BatchError, match="ShowRated"):
        decode(encode({**EVENT, c.RATED_AT: 2**62}, SCHEMA_ID), SCHEMAS.__getitem__)


def test_a_schema_of_something_else_is_a_batch_error() -> None:
    other = parse_schema({"type": "record", "name": "Other", "fields": []})
    with pytest.raises(BatchError, match="is not a valid Other"):
        decode(GOLDEN[:BODY], {SCHEMA_ID: other}.__getitem__)


def test_a_registry_that_is_away_is_not_a_bad_message() -> None:
    def away(schema_id: int) -> Schema:
        raise UnavailableError("the registry does not answer")

    with pytest.raises(UnavailableError):
        decode(GOLDEN, away)


def test_an_old_writer_is_read_by_the_reader_of_today() -> None:
    """Yesterday had ints for ids, always a rating, and one field more."""
    old = evolved(
        user_id={"type": "int"},
        rating={"type": "int"},
        comment={"type": "string"},
    )
    message = written_with(old, {**EVENT, "comment": "gone"})
    assert decode(message, {SCHEMA_ID: old}.__getitem__) == EVENT


def test_a_new_writer_is_read_by_the_reader_of_today() -> None:
    """Tomorrow has another source and a field more, and no ratings."""
    symbols = ["UNKNOWN", "IMPORTED", "SIMULATED"]
    new = evolved(
        source={"type": {"type": "enum", "name": "EventSource", "symbols": symbols}},
        rating=None,
        device={"type": ["null", "string"]},
    )
    message = written_with(new, {**EVENT, "device": "phone", c.SOURCE: "IMPORTED"})
    event = decode(message, {SCHEMA_ID: new}.__getitem__)
    assert event == {**EVENT, c.RATING: None, c.SOURCE: "UNKNOWN"}
