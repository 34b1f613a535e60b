"""Values of an event's fields, one at a time and without pandas.

:mod:`mlproject.core.parsing` does the same for whole columns, with the same verdict on every
value that JSON can hold.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from mlproject.core import columns as c
from mlproject.core.dates import (
    EARLIEST_MS,
    UNDATED_BEFORE,
    UNDATED_FROM,
    is_plausible_time,
    to_millis,
)
from mlproject.core.event_fields import (
    EVENT_FIELDS,
    OUT_OF_TIME,
    SHORTENED,
    EventField,
    Kind,
    not_a_number,
)
from mlproject.core.events import EventSource
from mlproject.core.numbers import EXPONENT, INEXACT_FROM, INSTANT_LIMIT_MS, INT64_MAX
from mlproject.core.rating_scale import HIGHEST, LOWEST

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

# 2100, long before numbers of milliseconds could be of microseconds.
_LATE: Final = 4_102_444_800_000

_FLOAT: Final = re.compile(EXPONENT)
_WHOLE: Final = re.compile(r"([0-9]{1,19})(?:\.0*)?")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# The extended form of ISO 8601; without a zone it is UTC.
_ISO: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.([0-9]+))?)?)?)"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def read_value(field: EventField, value: Any) -> Any:
    """Return a field's value; None if it is optional and missing, "" for a missing symbol.

    Parameters
    ----------
    field
        Says what is a value.
    value
        What JSON held: a text, a number, a bool, or None. Numbers and times may be texts.

    Returns
    -------
    str or int or bool or None
        A text, a bool, or a whole number: for a time, milliseconds since 1970, UTC.

    Raises
    ------
    ValueError
        If it is not a value of the field; the text says why.

    Examples
    --------
    >>> from mlproject.core.event_fields import EVENT_FIELDS
    >>> [read_value(field, "7") for field in EVENT_FIELDS if field.kind is not Kind.FLAG]
    ['7', 7, 7, 7, 7, '7']
    """
    if value is None:
        if field.is_optional:
            return None
        if field.kind is Kind.SYMBOL:
            return ""
        raise ValueError(field.fault)
    return _READERS[field.kind](field, value)


def read_event(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all fields, as :func:`read_value` does.

    Raises
    ------
    ValueError
        If one is not a value of its field, or the time cannot be; the text says why.
    """
    event = {field.name: read_value(field, raw[field.name]) for field in EVENT_FIELDS}
    check_time(event)
    return event


def check_time(event: Mapping[str, Any]) -> None:
    """Refuse an event whose time cannot be.

    Parameters
    ----------
    event
        Values from :func:`read_value`, by name.

    Raises
    ------
    ValueError
        If it is before 1990 or after tomorrow, and not made up for a replayed file.
    """
    replayed = event[c.SOURCE] == EventSource.REPLAYED.value
    if not is_plausible_time(event[c.RATED_AT], replayed=replayed):
        raise ValueError(OUT_OF_TIME.format(c.RATED_AT))


def _text(_: EventField, value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _whole(field: EventField, value: Any) -> int:
    if type(value) is not int:
        text = _text(field, value).strip()
        found = _WHOLE.fullmatch(text)
        value = int(found[1]) if found else -1
        if _FLOAT.fullmatch(text) or ("." in text and value >= INEXACT_FROM):
            raise ValueError(SHORTENED.format(field.name))
    if not 0 <= value <= INT64_MAX:
        raise ValueError(field.fault)
    return int(value)


def _score(field: EventField, value: Any) -> int:
    if type(value) is int and LOWEST <= value <= HIGHEST:
        return value
    number = _number(value)
    if number is None:
        raise ValueError(not_a_number(field))
    if not LOWEST <= number <= HIGHEST or number % 1:
        raise ValueError(field.fault)
    return int(number)


def _instant(field: EventField, value: Any) -> int:
    # Milliseconds, as our own batches have them, real and made up.
    if type(value) is int and (
        EARLIEST_MS <= value < _LATE or UNDATED_FROM <= value < UNDATED_BEFORE
    ):
        return value
    number = _number(value)
    if number is not None:
        millis = float(to_millis(np.array(number)))
    else:
        read = _iso_millis(value) if isinstance(value, str) else None
        millis = math.nan if read is None else read
    if not abs(millis) < INSTANT_LIMIT_MS:
        raise ValueError(field.fault)
    return math.floor(millis)


def _number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _iso_millis(text: str) -> int | None:
    found = _ISO.fullmatch(text)
    if not found:
        return None
    date, time, fraction, zone = found.groups()
    try:
        read = datetime.fromisoformat(f"{date}T{(time or '00')[:8]}{zone or 'Z'}")
    except ValueError:
        return None
    return (read - _EPOCH) // _MILLISECOND + int((fraction or "")[:3].ljust(3, "0"))


def _flag(field: EventField, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(field.fault)  # noqa: TRY004 - a row's fault, as any other
    return value


_READERS: Final[dict[Kind, Callable[[EventField, Any], Any]]] = {
    Kind.TEXT: _text,
    Kind.SYMBOL: _text,
    Kind.WHOLE: _whole,
    Kind.SCORE: _score,
    Kind.INSTANT: _instant,
    Kind.FLAG: _flag,
}
