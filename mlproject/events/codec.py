"""Rating events as Kafka messages: Avro in the Confluent wire format.

A value is a zero byte, the schema's id in the Schema Registry as four bytes (big
endian), then the event in Avro's binary encoding. A key is the user's id in ASCII digits,
so that

- a user's events share a partition and keep their order;
- it reads the same in every language and console tool, and Connect needs no more than
  its StringConverter, while packed integers come in several widths and byte orders.

Notes
-----
https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError

from mlproject.core import columns as c
from mlproject.core.errors import BatchError, DataError
from mlproject.events.schema import Schema, current_schema

if TYPE_CHECKING:
    from mlproject.core.ratings import RatingFrame

MAGIC: Final = 0
_HEADER: Final = struct.Struct(">BI")


def message_key(user_id: int) -> bytes:
    """Return the key of a user's messages.

    Examples
    --------
    >>> message_key(42)
    b'42'
    """
    return b"%d" % user_id


def encode(event: Mapping[str, Any], schema_id: int) -> bytes:
    """Encode one event with the current schema.

    Parameters
    ----------
    event
        The fields of the schema; ``rated_at`` is a datetime with a zone, cut to the
        millisecond, or an int of milliseconds since 1970, UTC.
    schema_id
        The current schema's id in the registry.

    Raises
    ------
    DataError
        If the event does not fit the schema.
    """
    stamp = event.get(c.RATED_AT)
    if isinstance(stamp, datetime) and stamp.tzinfo is None:
        # fastavro would take it for local time: another instant on another machine.
        raise DataError(f"rated_at has no time zone: {stamp}")
    buffer = BytesIO()
    buffer.write(_HEADER.pack(MAGIC, schema_id))
    _write(buffer, current_schema(), event)
    return buffer.getvalue()


def encode_frame(ratings: RatingFrame, schema_id: int) -> list[tuple[bytes, bytes]]:
    """Encode a frame's rows, in their order.

    Parameters
    ----------
    ratings
        Events; ``source`` is one of the schema's symbols.
    schema_id
        The current schema's id in the registry.

    Returns
    -------
    list of tuple
        A key and a value for each row.

    Raises
    ------
    DataError
        If a row does not fit the schema.
    """
    schema = current_schema()
    buffer = BytesIO()
    buffer.write(_HEADER.pack(MAGIC, schema_id))
    messages = []
    for event in ratings.events():
        buffer.seek(_HEADER.size)
        _write(buffer, schema, event)
        buffer.truncate()
        messages.append((message_key(event[c.USER_ID]), buffer.getvalue()))
    return messages


def decode(message: bytes, writer_schemas: Callable[[int], Schema]) -> dict[str, Any]:
    """Decode a message of any released schema into an event of the current one.

    Parameters
    ----------
    message
        A message's value.
    writer_schemas
        Returns the schema with an id; raises LookupError where there is none, as the
        ``__getitem__`` of a dict does.

    Returns
    -------
    dict
        The event; ``rated_at`` is a datetime in UTC.

    Raises
    ------
    BatchError
        If the message cannot be decoded; the text says why.
    """
    if len(message) < _HEADER.size:
        raise BatchError(
            f"the message is too short: {len(message)} bytes, and the header has {_HEADER.size}"
        )
    magic, schema_id = _HEADER.unpack_from(message)
    if magic != MAGIC:
        raise BatchError(f"the message starts with the byte {magic} instead of {MAGIC}")
    try:
        writer = writer_schemas(schema_id)
    except LookupError as error:
        raise BatchError(f"the message has the unknown schema id {schema_id}") from error
    body = BytesIO(message)
    body.seek(_HEADER.size)
    try:
        event = schemaless_reader(body, writer, current_schema())
    except EOFError as error:
        raise BatchError("the body of the message is truncated") from error
    except IndexError as error:
        # fastavro raises it for both.
        raise BatchError(
            "the body of the message is truncated within a number, or has an enum symbol or "
            f"a union branch that the schema {schema_id} has not"
        ) from error
    except (SchemaResolutionError, OverflowError, ValueError) as error:
        raise BatchError(
            f"the body of the message is not a valid {writer['name']}: {error}"
        ) from error
    if surplus := len(message) - body.tell():
        raise BatchError(f"the message has {surplus} bytes after its body")
    return cast("dict[str, Any]", event)


def _write(buffer: BytesIO, schema: Schema, event: Mapping[str, Any]) -> None:
    try:
        schemaless_writer(buffer, schema, event)
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"the event {event.get(c.EVENT_ID)} cannot be encoded: {error}") from error
