"""Raw columns into numbers and times, value by value: a bad one never changes a good one."""

from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api import types

from mlproject.core.dates import to_millis
from mlproject.core.numbers import EXPONENT, INEXACT_FROM, INSTANT_LIMIT_MS, INT64_MAX

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
        Int64, exact up to 2**63 - 1; NA for whatever is not a whole number from 0 on, and for
        floats from 2**53 on, which stand for their neighbours too.

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
        good = values.ge(0) & values.lt(INEXACT_FROM) & values.mod(1).eq(0)
        return values.where(good.fillna(value=False)).astype("Int64")
    # Through float, an id above 2**53 would become its neighbour's.
    text = values.astype("str").str.strip()
    looks_whole = text.str.fullmatch(r"[0-9]{1,19}(\.0*)?").fillna(value=False).to_numpy(bool)
    numbers = np.zeros(len(text), dtype=np.uint64)
    numbers[looks_whole] = [int(digits.partition(".")[0]) for digits in text[looks_whole]]
    shortened = text.str.contains(".", regex=False).to_numpy(bool) & (numbers >= INEXACT_FROM)
    missing = ~looks_whole | (numbers > INT64_MAX) | shortened
    exact = pd.arrays.IntegerArray(np.where(missing, 0, numbers).astype(np.int64), missing)
    return pd.Series(exact, index=values.index)


def shortened(values: pd.Series) -> pd.Series:
    """Tell which ids were whole numbers before a program made floats of them.

    Examples
    --------
    >>> shortened(pd.Series([7, 7.6e16, "7.65612E+16", "76561197970982479", None])).tolist()
    [False, True, True, False, False]
    >>> shortened(pd.Series(["1000000000000000.0", "9007199254740992.0"])).tolist()
    [False, True]
    """
    if types.is_float_dtype(values):
        return values.abs().ge(INEXACT_FROM).fillna(value=False).astype("bool")
    if types.is_integer_dtype(values) or types.is_bool_dtype(values):
        return pd.Series(data=False, index=values.index)
    text = values.astype("str").str.strip()
    is_float = text.str.fullmatch(EXPONENT).fillna(value=False)
    found = is_float.to_numpy(bool, copy=True)
    wide = text.str.fullmatch(r"[0-9]{16,}\.0*").fillna(value=False).to_numpy(bool)
    found[wide] = [int(digits.partition(".")[0]) >= INEXACT_FROM for digits in text[wide]]
    return pd.Series(found, index=values.index)


def decimals(values: pd.Series) -> pd.Series:
    """Read finite numbers.

    Returns
    -------
    pandas.Series
        float64, NaN for whatever is not a finite number; a bool is none.

    Examples
    --------
    >>> decimals(pd.Series(["7.5", "-1", "inf", "x", None, True])).tolist()
    [7.5, -1.0, nan, nan, nan, nan]
    """
    if types.is_bool_dtype(values) or types.is_object_dtype(values):
        values = values.where(flags(values).isna())
    numbers = pd.to_numeric(values, errors="coerce").astype("Float64").astype("float64")
    return numbers.where(np.isfinite(numbers))


def instants(values: pd.Series) -> pd.Series:
    """Read times.

    Parameters
    ----------
    values
        Timestamps, texts in ISO 8601 of any form (without a zone: UTC), or numbers since
        1970: milliseconds, but seconds, microseconds or nanoseconds where their magnitude
        says so. Small numbers are the made-up times of :mod:`~mlproject.core.dates`.

    Returns
    -------
    pandas.Series
        Milliseconds, UTC; NaT for whatever is not a time.

    Examples
    --------
    >>> instants(pd.Series(["2020-01-01", 1577836800, 1577836800000, "soon"])).dt.year.tolist()
    [2020.0, 2020.0, 2020.0, nan]
    """
    if types.is_datetime64_any_dtype(values):
        return pd.Series(pd.to_datetime(values, utc=True).astype(_INSTANT))
    millis = pd.Series(to_millis(decimals(values).to_numpy()), index=values.index)
    # Milliseconds, since a time beyond the year 2262 does not fit nanoseconds.
    fits = millis.abs() < INSTANT_LIMIT_MS
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


def flags(values: pd.Series) -> pd.Series:
    """Read bools.

    Parameters
    ----------
    values
        Of any type.

    Returns
    -------
    pandas.Series
        boolean; NA for whatever is no bool.

    Examples
    --------
    >>> flags(pd.Series([True, None, "true", 1])).tolist()
    [True, <NA>, <NA>, <NA>]
    """
    if types.is_bool_dtype(values):
        return values.astype("boolean")
    known = values.map(lambda value: value if isinstance(value, bool | np.bool_) else pd.NA)
    return known.astype("boolean")
