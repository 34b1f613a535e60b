"""Raw columns into numbers and times, value by value: a bad one never changes a good one."""

from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api import types

INT64_MAX: Final = int(np.iinfo(np.int64).max)

_INSTANT: Final[Any] = pd.DatetimeTZDtype("ms", "UTC")
# The years from 2262 on.
_BEYOND_NANOSECONDS: Final = r"226[2-9]|22[7-9]\d|2[3-9]\d\d|[3-9]\d{3}"


def whole_numbers(values: pd.Series) -> pd.Series:
    """Read whole numbers of at least 0.

    Parameters
    ----------
    values
        Numbers, or texts of numbers, of any type.

    Returns
    -------
    pandas.Series
        Int64, exact up to 2**63 - 1; NA for whatever is not a whole number from 0 on.

    Examples
    --------
    >>> whole_numbers(pd.Series(["7", "7.0", "7.5", "-7", "x"])).tolist()
    [7, 7, <NA>, <NA>, <NA>]
    """
    if types.is_bool_dtype(values):
        return pd.Series(pd.NA, index=values.index, dtype="Int64")
    if types.is_integer_dtype(values):
        good = values.between(0, INT64_MAX).fillna(value=False)
        unsigned = types.is_unsigned_integer_dtype(values)
        nullable = values.astype("UInt64") if unsigned else values.astype("Int64")
        return nullable.where(good).astype("Int64")
    if types.is_float_dtype(values):
        good = values.ge(0) & values.lt(2.0**63) & values.mod(1).eq(0)
        return values.where(good.fillna(value=False)).astype("Int64")
    # Through float, an id above 2**53 would become its neighbour's.
    text = values.astype("str").str.strip()
    looks_whole = text.str.fullmatch(r"[0-9]{1,19}(\.0*)?").fillna(value=False).to_numpy(bool)
    numbers = np.zeros(len(text), dtype=np.uint64)
    numbers[looks_whole] = [int(digits.partition(".")[0]) for digits in text[looks_whole]]
    missing = ~looks_whole | (numbers > INT64_MAX)
    exact = pd.arrays.IntegerArray(np.where(missing, 0, numbers).astype(np.int64), missing)
    return pd.Series(exact, index=values.index)


def decimals(values: pd.Series) -> pd.Series:
    """Read finite numbers.

    Returns
    -------
    pandas.Series
        float64, NaN for whatever is not a finite number.

    Examples
    --------
    >>> decimals(pd.Series(["7.5", "-1", "inf", "x", None])).tolist()
    [7.5, -1.0, nan, nan, nan]
    """
    numbers = pd.to_numeric(values, errors="coerce").astype("Float64").astype("float64")
    return numbers.where(np.isfinite(numbers))


def instants(values: pd.Series, unit: str) -> pd.Series:
    """Read times.

    Parameters
    ----------
    values
        Timestamps, texts in ISO 8601 of any form (without a zone: UTC), or numbers.
    unit
        What numbers count since 1970: ``s`` or ``ms``.

    Returns
    -------
    pandas.Series
        Milliseconds, UTC; NaT for whatever is not a time.

    Examples
    --------
    >>> instants(pd.Series(["1970-01-01T00:00:02Z", 1, "soon"]), "s").dt.second.tolist()
    [2.0, 1.0, nan]
    """
    if types.is_datetime64_any_dtype(values):
        return pd.Series(pd.to_datetime(values, utc=True).astype(_INSTANT))
    # Milliseconds, since a time beyond the year 2262 does not fit nanoseconds.
    millis = decimals(values) * {"s": 1000, "ms": 1}[unit]
    fits = millis.abs() < 8.64e15  # noqa: PLR2004 - 100 million days, as in ECMAScript
    numbers = millis.where(fits, 0).astype("int64").astype("datetime64[ms]").dt.tz_localize("UTC")
    texts = values.astype("object").where(pd.to_numeric(values, errors="coerce").isna())
    read = _iso(texts).astype(_INSTANT)
    # Together, times come to nanoseconds if any of them has such digits, and those that do
    # not fit are lost: what a row comes to must not depend on its neighbours.
    late = texts.astype("str").str.match(_BEYOND_NANOSECONDS)
    if late.any():
        alone = [_iso(pd.Series([text])).astype(_INSTANT)[0] for text in texts[late]]
        read[late] = pd.Series(alone, index=texts.index[late], dtype=_INSTANT)
    return pd.Series(numbers.where(fits, read).astype(_INSTANT))


def _iso(texts: pd.Series) -> pd.Series:
    return pd.Series(pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True))
