"""Times of ratings: seconds to nanoseconds by their magnitude, ISO 8601, dates of all sorts.

The unit is found for each value: between 1990 and tomorrow those of seconds,
milliseconds, microseconds and nanoseconds lie thousandfolds apart.
"""

import re
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

from mlproject.core.dates import EARLIEST_MS
from mlproject.reading.numbers import NOTHING, encoded

Ints = NDArray[np.int64]

NONE: Final = np.iinfo(np.int64).min
"""In place of a time that is none."""
MISSING: Final = "there is no time in {}"
UNREADABLE: Final = (
    "{} is no time that can be read; write it in ISO 8601 (2024-05-17T20:15:00Z) or as seconds "
    "since 1970"
)

UNITS: Final = {
    "seconds": (10**11, 1000),
    "milliseconds": (10**14, 1),
    "microseconds": (10**17, -1000),
    "nanoseconds": (np.iinfo(np.int64).max, -1_000_000),
}
"""By unit, the magnitude below which a number is in it, and how many milliseconds one of it is.
The latter is negative for units below a millisecond: so many of them make one."""

NAMED: Final = (
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%m %d, %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)
"""Dates with the names of months, and Amazon's ``09 13, 2009``."""
_CLOCKS: Final = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")

_SLASHED: Final = re.compile(
    r"(?P<one>\d{1,4})(?P<mark>[/.-])(?P<two>\d{1,2})(?P=mark)(?P<three>\d{1,4})"
    r"(?:,?[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"\s*(?P<half>[AaPp][Mm])?)?"
)
_NUMBER: Final = r"[0-9]{1,18}|[0-8][0-9]{18}|[0-9]{1,18}\.[0-9]*"
_DIGITS: Final = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
_COMPACT_BELOW: Final = 10**8
# 1990 to 2100 as dates of 14 digits; as milliseconds such numbers are of the year 2600.
_COMPACT: Final = (19900101000000, 21000101000000)
_MONTHS: Final = 12
_YEAR_DIGITS: Final = 4


class TimesInDoubtError(Exception):
    """Dates can be read in two ways; the text says how to write them."""


def read_times(texts: Any, name: str) -> tuple[Ints, NDArray[np.object_], str]:
    """Read a column of times.

    Parameters
    ----------
    texts
        Arrow texts, ``n`` of them; without a zone they are UTC.
    name
        The column's name, for the reasons.

    Returns
    -------
    tuple
        Milliseconds since 1970, UTC, int64, shape ``(n,)``, :data:`NONE` where there is no
        time; why there is none, empty where there is one; and how they are written.

    Raises
    ------
    TimesInDoubtError
        If the dates may be days first or months first.

    Examples
    --------
    >>> times, _, form = read_times(pa.array(["1577836800", "1577836800000"]), "timestamp")
    >>> times.tolist(), form
    ([1577836800000, 1577836800000], 'milliseconds and seconds')
    """
    if (plain := _plain(texts)) is not None:
        times, forms = _by_magnitude(plain)
        return times, np.full(len(times), "", dtype=object), " and ".join(forms)
    listed, places = encoded(texts)
    different = pd.Series(listed, dtype="str")
    missing = different.str.lower().isin(NOTHING).to_numpy(dtype=bool)
    times = np.full(len(different) + 1, NONE, dtype=np.int64)
    forms = []
    numeric = different.str.fullmatch(_NUMBER).to_numpy(dtype=bool)
    if numeric.any():
        times[:-1][numeric], forms = _numbers(different[numeric])
    rest = ~numeric & ~missing
    if rest.any():
        times[:-1][rest], form = _dates(different[rest], name)
        forms += [form]
    reasons = np.full(len(times), "", dtype=object)
    reasons[times == NONE] = UNREADABLE.format(name)
    reasons[:-1][missing] = MISSING.format(name)
    reasons[-1] = MISSING.format(name)
    return times[places], reasons[places], " and ".join(sorted(filter(None, forms)))


def _plain(texts: Any) -> Ints | None:
    """Read a column of whole numbers at once; None if there is anything else."""
    if texts.null_count:
        return None
    try:
        values: Ints = texts.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    # Arrow reads "0x10" too, and such numbers may be days written as 20240517.
    is_odd = pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py()
    is_day = (values < _COMPACT_BELOW) | ((values >= _COMPACT[0]) & (values < _COMPACT[1]))
    return None if is_odd or is_day.any() else values


def _by_magnitude(values: Ints) -> tuple[Ints, list[str]]:
    times = np.full(len(values), NONE, dtype=np.int64)
    forms, lower = [], 0
    for unit, (upper, factor) in UNITS.items():
        chosen = (values >= lower) & (values < upper)
        lower = upper
        if chosen.any():
            forms.append(unit)
            times[chosen] = values[chosen] * factor if factor > 0 else values[chosen] // -factor
    return times, sorted(forms)


def _numbers(texts: pd.Series) -> tuple[Ints, list[str]]:
    """Read numbers by their magnitude, and days written as ``20240517``."""
    texts = texts.reset_index(drop=True)
    parts = texts.str.partition(".")
    whole: Ints = np.array(parts[0].astype("int64"), dtype=np.int64)
    times, forms = _by_magnitude(whole)
    # Fractions of seconds; those of smaller units are below a millisecond.
    in_seconds = whole < UNITS["seconds"][0]
    fraction = ("0." + parts[2].where(parts[2] != "", "0")).astype("float64").to_numpy()
    times[in_seconds] += np.floor(fraction[in_seconds] * 1000 + 1e-6).astype(np.int64)
    for width, pattern in _DIGITS.items():
        chosen = ((texts.str.len() == width) & (parts[1] == "")).to_numpy(dtype=bool)
        if chosen.any():
            read = _millis(pd.to_datetime(texts[chosen], format=pattern, errors="coerce", utc=True))
            # As seconds and milliseconds such numbers are of 1970 and of 2600.
            good = read >= EARLIEST_MS
            times[np.flatnonzero(chosen)[good]] = read[good]
            forms = sorted({*forms, "dates without marks"}) if good.any() else forms
    return times, forms


def _dates(texts: pd.Series, name: str) -> tuple[Ints, str]:
    """Read texts by the form that reads most of them."""
    texts = texts.reset_index(drop=True).str.replace(r"\s*(?:UTC|GMT)$", "Z", regex=True)
    parts = texts.str.extract(f"^{_SLASHED.pattern}$")
    slashed = parts["one"].notna().to_numpy()
    times = _millis(pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True))
    by_year = slashed & (parts["one"].str.len() == _YEAR_DIGITS).fillna(value=False).to_numpy()
    # What ISO's padding lacks, and slashes for its hyphens: 2024/5/7.
    left = by_year & (times == NONE)
    if left.any():
        times[left] = _assembled(parts[left], "one", "two", "three")
    form = "ISO 8601" if (times != NONE).any() else ""
    others = (
        slashed
        & ~by_year
        & (parts["three"].str.len() == _YEAR_DIGITS).fillna(value=False).to_numpy()
    )
    times[slashed & ~by_year] = NONE
    if others.any():
        day_first = _day_first(parts[others], name, texts[others].iloc[0])
        order = ("three", "two", "one") if day_first else ("three", "one", "two")
        times[others] = _assembled(parts[others], *order)
        form = "day/month/year" if day_first else "month/day/year"
    left = (times == NONE) & ~slashed
    if left.any():
        read, named = _named(texts[left])
        times[left] = read
        form = form or named
    return times, form


def _day_first(parts: pd.DataFrame, name: str, example: str) -> bool:
    """Tell days from months: a number above 12 is a day.

    Raises
    ------
    TimesInDoubtError
        If no number says, or if they contradict each other.
    """
    first = parts["one"].astype("int64").max() > _MONTHS
    second = parts["two"].astype("int64").max() > _MONTHS
    if first == second:
        # With points between them, days come first everywhere.
        if not first and (parts["mark"] == ".").all():
            return True
        what = "both days first and months first occur" if first else "no day is above 12"
        raise TimesInDoubtError(
            f"the dates in {name}, such as {example}, may be day/month or month/day ({what}); "
            "write them in ISO 8601, such as 2024-05-17T20:15:00Z"
        )
    return bool(first)


def _assembled(parts: pd.DataFrame, year: str, month: str, day: str) -> Ints:
    hours = parts["hour"].fillna("0").astype("int64")
    half = parts["half"].str.lower()
    # 12 AM is midnight and 12 PM noon.
    hours = hours.where(half.isna(), hours % 12) + 12 * (half == "pm").astype("int64")
    found = pd.to_datetime(
        pd.DataFrame(
            {
                "year": parts[year].astype("int64"),
                "month": parts[month].astype("int64"),
                "day": parts[day].astype("int64"),
                "hour": hours,
                "minute": parts["minute"].fillna("0").astype("int64"),
                "second": parts["second"].fillna("0").astype("int64"),
            }
        ),
        errors="coerce",
        utc=True,
    )
    return _millis(found)


def _named(texts: pd.Series) -> tuple[Ints, str]:
    """Try the forms with names of months; the one that reads most is right."""
    best = np.full(len(texts), NONE, dtype=np.int64)
    texts = texts.str.replace(r"Z$", "+0000", regex=True)
    form = ""
    for named in NAMED:
        for clock in _CLOCKS if "%H" not in named else ("",):
            read = _millis(pd.to_datetime(texts, format=named + clock, errors="coerce", utc=True))
            if (read != NONE).sum() > (best != NONE).sum():
                best, form = read, "dates with the names of months"
                if (best != NONE).all():
                    return best, form
    return best, form


def _millis(times: pd.Series) -> Ints:
    """Return milliseconds, :data:`NONE` for NaT."""
    found: Ints = times.dt.as_unit("ms").astype("int64").to_numpy().copy()
    return found
