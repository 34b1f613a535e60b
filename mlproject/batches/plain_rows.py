"""From Arrow columns to rating columns by array operations, for rows that need no judging.

A row that is not plain is not bad: the caller leaves it to
:meth:`~mlproject.core.ratings.RatingFrame.validated`, which coerces and gives reasons. A
plain row is one that it would take over with the same values.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

from mlproject.core import columns as c
from mlproject.core.dates import is_plausible
from mlproject.core.event_fields import ARRAY_TYPES, JUDGED, EventField, Kind
from mlproject.core.event_keys import event_keys
from mlproject.core.events import EventSource
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import HIGHEST, LOWEST, RETRACTED, UNRATED

# UTC, to the second or finer, as Java's and Python's clocks write it.
_ISO: Final = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{3,9})?(Z|\+00:00)?$"
_TO_SECONDS: Final = 19
_MILLISECONDS: Final = slice(20, 23)
_A_MILLISECOND: Final = {"us": 1000, "ns": 1_000_000}

# Values, and where they are plain.
_Read = tuple[NDArray[Any], NDArray[np.bool_]]


def plain_rows(columns: Mapping[str, Any]) -> tuple[RatingColumns, NDArray[np.bool_]]:
    """Read the rows that are good as they are.

    Parameters
    ----------
    columns
        ``n`` rows as Arrow arrays, by the names of
        :data:`~mlproject.core.event_fields.EVENT_FIELDS`; those of a later schema may be missing.

    Returns
    -------
    tuple
        The plain rows in their order, and which these are, bool, shape ``(n,)``.
    """
    ids = columns[c.EVENT_ID]
    plain = np.ones(len(ids), dtype=np.bool_)
    values: dict[str, NDArray[Any]] = {}
    try:
        for field in JUDGED:
            column = columns.get(field.name)
            if column is not None or field.since == 1:
                read, good = _read(field, column)
                plain &= good
                if field.kind in ARRAY_TYPES:
                    values[field.name] = read
        plain &= is_plausible(values[c.RATED_AT], _replayed(columns.get(c.SOURCE), len(ids)))
        if not plain.any():
            return RatingColumns.unfilled(0), plain
        texts = ids.cast(pa.string())
    except pa.ArrowInvalid:
        # A value that its column's conversion does not take, such as the 30th of February.
        return RatingColumns.unfilled(0), np.zeros(len(ids), dtype=np.bool_)
    if not plain.all():
        texts = texts.filter(pa.array(plain))
        values = {name: array[plain] for name, array in values.items()}
    retracted = values.get(c.RETRACTED)
    if retracted is not None and retracted.any():
        values[c.RATING] = np.where(retracted, np.int8(RETRACTED), values[c.RATING])
    high, low = event_keys(texts.to_pylist())
    return RatingColumns(
        user_id=values[c.USER_ID],
        show_id=values[c.SHOW_ID],
        rating=values[c.RATING],
        rated_at=values[c.RATED_AT],
        id_high=high,
        id_low=low,
    ), plain


def _read(field: EventField, column: Any) -> _Read:
    """Return a column's values, and where they are plain; a missing one is, if it may be."""
    values, good = _READERS[field.kind](column)
    if field.is_optional and column.null_count:
        good = good | ~_there(column)
    return values, good


def _texts(column: Any) -> _Read:
    """Tell where there are texts; the texts themselves are not needed."""
    if not _is_text(column.type):
        return _none(column, np.int64)
    return np.empty(0), _there(column)


def _whole_numbers(column: Any) -> _Read:
    if not pa.types.is_integer(column.type):
        return _none(column, np.int64)
    values = _numbers(column, pa.int64())
    return values, _there(column) & (values >= 0)


def _scores(column: Any) -> _Read:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return _none(column, np.int8)
    if column.type == pa.int8():
        values = _numbers(column, pa.int8())
        within = (values >= LOWEST) & (values <= HIGHEST)
    else:
        wide = _numbers(column, pa.float64(), safe=False)
        within = (wide >= LOWEST) & (wide <= HIGHEST) & (wide % 1 == 0)
        values = np.where(within, wide, UNRATED).astype(np.int8)
    return values, within & _there(column)


def _millis(column: Any) -> _Read:
    if _is_text(column.type):
        return _iso_millis(column.cast(pa.string()))
    if pa.types.is_timestamp(column.type):
        unit = column.type.unit
        if unit == "s":
            column = column.cast(pa.timestamp("ms", column.type.tz))
        values = _numbers(column, column.type).view(np.int64)
        if unit in _A_MILLISECOND:
            values = values // _A_MILLISECOND[unit]
    elif pa.types.is_integer(column.type):
        values = _numbers(column, pa.int64())
    else:
        return _none(column, np.int64)
    return values, _there(column)


def _iso_millis(texts: Any) -> _Read:
    """Read times in ISO 8601; one of another form or zone is not plain.

    Raises
    ------
    pyarrow.ArrowInvalid
        If one looks like a time and is not one.
    """
    matches = pc.fill_null(pc.match_substring_regex(texts, _ISO), fill_value=False)
    texts = pc.if_else(matches, texts, "1970-01-01T00:00:00Z")
    seconds = pc.utf8_slice_codeunits(texts, 0, _TO_SECONDS).cast(pa.timestamp("s"))
    has_fraction = pc.equal(pc.utf8_slice_codeunits(texts, _TO_SECONDS, _TO_SECONDS + 1), ".")
    fraction = pc.utf8_slice_codeunits(texts, _MILLISECONDS.start, _MILLISECONDS.stop)
    fraction = pc.if_else(has_fraction, fraction, "0").cast(pa.int64())
    values = _numbers(seconds, pa.int64()) * 1000 + fraction.to_numpy()
    return values, matches.to_numpy()


def _flags(column: Any) -> _Read:
    if not pa.types.is_boolean(column.type):
        return _none(column, np.bool_)
    return np.asarray(pc.fill_null(column, fill_value=False), dtype=np.bool_), _there(column)


def _replayed(sources: Any, count: int) -> NDArray[np.bool_]:
    if sources is None or not _is_text(sources.type):
        return np.zeros(count, dtype=np.bool_)
    found = pc.equal(sources.cast(pa.string()), EventSource.REPLAYED.value)
    return np.asarray(pc.fill_null(found, fill_value=False), dtype=np.bool_)


def _numbers(column: Any, kind: pa.DataType, *, safe: bool = True) -> NDArray[Any]:
    """Return a column's values, 0 where there is none."""
    column = column.cast(kind, safe=safe) if column.type != kind else column
    values: NDArray[Any] = (column.fill_null(0) if column.null_count else column).to_numpy()
    return values


def _there(column: Any) -> NDArray[np.bool_]:
    if not column.null_count:
        return np.ones(len(column), dtype=np.bool_)
    found: NDArray[np.bool_] = column.is_valid().to_numpy()
    return found


def _none(column: Any, kind: type[np.generic]) -> _Read:
    """Return a column without a plain row: its type is not read here."""
    return np.zeros(len(column), dtype=kind), np.zeros(len(column), dtype=np.bool_)


def _is_text(kind: pa.DataType) -> bool:
    while pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


_READERS: Final[dict[Kind, Callable[[Any], _Read]]] = {
    Kind.TEXT: _texts,
    Kind.WHOLE: _whole_numbers,
    Kind.SCORE: _scores,
    Kind.INSTANT: _millis,
    Kind.FLAG: _flags,
}
