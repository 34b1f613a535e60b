"""Ratings as a checked frame: the form in which they travel between stages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.dates import is_plausible
from mlproject.core.event_fields import (
    EVENT_FIELDS,
    NAMES,
    OUT_OF_TIME,
    SHORTENED,
    EventField,
    Kind,
    not_a_number,
)
from mlproject.core.event_keys import event_keys
from mlproject.core.events import EventSource
from mlproject.core.parsing import decimals, flags, instants, shortened, whole_numbers
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import HIGHEST, LOWEST, RETRACTED, UNRATED


def _dtype(field: EventField) -> str:
    return {
        Kind.TEXT: "str",
        Kind.SYMBOL: "str",
        Kind.WHOLE: "Int64" if field.is_optional else "int64",
        Kind.SCORE: "Int8" if field.is_optional else "int8",
        Kind.INSTANT: "datetime64[ms, UTC]",
        Kind.FLAG: "boolean" if field.is_optional else "bool",
    }[field.kind]


DTYPES: Final = {field.name: _dtype(field) for field in EVENT_FIELDS}


@dataclass(frozen=True, slots=True)
class RatingFrame:
    """Rating events, one per row, in the order in which they were sent.

    Columns: ``event_id`` (str), ``user_id`` and ``show_id`` (int64, at least 0),
    ``rating`` (Int8, 1 to 10, NA = watched but not rated), ``rated_at``
    (milliseconds, UTC), ``source`` (str), ``retracted`` (boolean, NA = no).

    Build one with :meth:`validated`, or with :meth:`typed` from values that are known to be
    good; the plain constructor trusts its caller.
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def records(self) -> list[dict[str, Any]]:
        """Return the events as dictionaries of Python values; unrated is None."""
        frame = self.frame.astype("object")
        rows = frame.where(self.frame.notna(), None).to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the events as the schema has them: times are milliseconds, unrated is None."""
        # Whole columns become Python objects at once, which is far faster than row by row.
        columns = [_plain_values(self.frame[field.name], field) for field in EVENT_FIELDS]
        yield from map(dict, map(zip, repeat(NAMES), zip(*columns, strict=True)))

    def to_columns(self) -> RatingColumns:
        """Return the ratings as arrays."""
        frame = self.frame
        high, low = event_keys(frame[c.EVENT_ID].tolist())
        rating = frame[c.RATING].to_numpy(np.int8, na_value=UNRATED)
        retracted = frame[c.RETRACTED].to_numpy(np.bool_, na_value=False)
        return RatingColumns(
            user_id=frame[c.USER_ID].to_numpy(np.int64),
            show_id=frame[c.SHOW_ID].to_numpy(np.int64),
            rating=np.where(retracted, np.int8(RETRACTED), rating),
            rated_at=_millis(frame[c.RATED_AT]),
            id_high=high,
            id_low=low,
        )

    @classmethod
    def empty(cls) -> Self:
        """Return a frame without rows."""
        return cls(pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in DTYPES.items()}))

    @classmethod
    def typed(cls, good: pd.DataFrame) -> Self:
        """Take good values over; optional columns that are not there are empty."""
        empty = {name: pd.Series(dtype=DTYPES[name]) for name in NAMES if name not in good}
        whole = good.assign(**{name: none.reindex(good.index) for name, none in empty.items()})
        return cls(whole[list(NAMES)].astype(DTYPES))

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """Join frames, keeping the order."""
        filled = [part.frame for part in parts if len(part)]
        return cls(pd.concat(filled, ignore_index=True)) if filled else cls.empty()

    @classmethod
    def validated(cls, raw: pd.DataFrame) -> tuple[Self, pd.DataFrame]:
        """Split raw rows into good ratings and rejected rows.

        Parameters
        ----------
        raw
            The columns of :data:`~mlproject.core.event_fields.EVENT_FIELDS`, of any type;
            values are coerced. Fields that came with a later schema may be missing.

        Returns
        -------
        tuple
            The good rows, and the rejected ones as they came, with a column
            ``reason``.

        Raises
        ------
        KeyError
            If a column is missing: that is the file's fault, not a row's.
        """
        reasons = pd.Series("", index=raw.index, dtype="object")
        read = {}
        for field in EVENT_FIELDS:
            if field.since > 1 and field.name not in raw:
                continue
            column = raw[field.name]
            read[field.name], faults = _READERS[field.kind](field, column)
            judged = column.notna() if field.is_optional else True
            for bad, why in faults:
                reasons.loc[bad & judged & (reasons == "")] = why
        millis = _millis(read[c.RATED_AT].fillna(pd.Timestamp(0, unit="ms", tz="UTC")))
        replayed = raw[c.SOURCE].eq(EventSource.REPLAYED.value).fillna(value=False).to_numpy(bool)
        reasons.loc[~is_plausible(millis, replayed) & (reasons == "")] = OUT_OF_TIME.format(
            c.RATED_AT
        )
        good = reasons == ""
        ratings = cls.typed(pd.DataFrame(read)[good].reset_index(drop=True))
        return ratings, raw[~good].assign(**{c.REASON: reasons[~good]})


# A column's values, and which of them are bad for what reason.
_Read = tuple[pd.Series, list[tuple[pd.Series, str]]]


def _text(field: EventField, column: pd.Series) -> _Read:
    return column, [(column.isna(), field.fault)]


def _symbol(_: EventField, column: pd.Series) -> _Read:
    return column, []


def _whole(field: EventField, column: pd.Series) -> _Read:
    values = whole_numbers(column)
    return values, [
        (shortened(column), SHORTENED.format(field.name)),
        (values.isna(), field.fault),
    ]


def _score(field: EventField, column: pd.Series) -> _Read:
    values = decimals(column)
    is_score = values.between(LOWEST, HIGHEST) & (values % 1 == 0)
    return values, [(values.isna(), not_a_number(field)), (~is_score, field.fault)]


def _instant(field: EventField, column: pd.Series) -> _Read:
    values = instants(column)
    return values, [(values.isna(), field.fault)]


def _flag(field: EventField, column: pd.Series) -> _Read:
    values = flags(column)
    return values, [(values.isna(), field.fault)]


_READERS: Final[dict[Kind, Callable[[EventField, pd.Series], _Read]]] = {
    Kind.TEXT: _text,
    Kind.SYMBOL: _symbol,
    Kind.WHOLE: _whole,
    Kind.SCORE: _score,
    Kind.INSTANT: _instant,
    Kind.FLAG: _flag,
}


def _plain_values(column: pd.Series, field: EventField) -> list[Any]:
    values = pd.Series(_millis(column)) if field.kind is Kind.INSTANT else column
    if field.is_optional:
        there = column.notna().to_numpy()
        values = values.astype("object").where(there, None)
    return values.tolist()


def _millis(column: pd.Series) -> NDArray[np.int64]:
    stamps: NDArray[np.datetime64] = column.dt.tz_localize(None).to_numpy("datetime64[ms]")
    return stamps.view(np.int64)
