"""Which times of ratings are real.

Every event has a time. The ratings of a file without times get made-up ones, so soon after
1970 that nobody takes them for real. Any other rating is from between 1990, since hardly anybody
rated shows on a computer before, and tomorrow, since clocks differ: one of the year 2099 would
win against all that come.
"""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNDATED_FROM: Final = 0
"""The first made-up time, milliseconds since 1970: later ratings of a file count on."""

DATED_FROM: Final = 315_532_800_000
"""1980-01-01 UTC in milliseconds since 1970: earlier ratings have no date of their own.

Every public set of ratings began after that, and 315 billion made-up times fit before.
"""

EARLIEST_MS: Final = 631_152_000_000
"""1990-01-01 UTC in milliseconds since 1970: no rating with a time of its own is older."""

UNDATED_BEFORE: Final = EARLIEST_MS // 1000
"""Made-up times lie before this, so that seconds are never taken for them."""

_DAY_MS: Final = 86_400_000
# As seconds, larger numbers are beyond the year 5000.
_LARGEST_SECONDS: Final = 1e11
_UNITS: Final = (
    (UNDATED_BEFORE, 1),
    (_LARGEST_SECONDS, 1000),
    (_LARGEST_SECONDS * 1e3, 1),
    (_LARGEST_SECONDS * 1e6, 1 / 1000),
    (_LARGEST_SECONDS * 1e9, 1 / 1_000_000),
)


def latest_ms() -> int:
    """Return the moment 24 hours from now, milliseconds since 1970: no rating is newer."""
    return time.time_ns() // 1_000_000 + _DAY_MS


def to_millis(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn times since 1970 into milliseconds, whatever each of them counts.

    Seconds, milliseconds, microseconds and nanoseconds between 1990 and tomorrow lie
    thousandfolds apart. Numbers too small for seconds are made-up times.

    Parameters
    ----------
    numbers
        float64, shape ``(n,)``.

    Returns
    -------
    numpy.ndarray
        float64, shape ``(n,)``, NaN for what is beyond all units.

    Examples
    --------
    >>> to_millis(np.array([5, 1577836800, 1577836800000, 1577836800000000])).tolist()
    [5.0, 1577836800000.0, 1577836800000.0, 1577836800000.0]
    """
    numbers = np.where(np.abs(numbers) < _UNITS[-1][0], numbers, np.nan)
    magnitude = np.abs(numbers)
    # To a thousandth first, as floats of nanoseconds are not exact.
    return np.select(
        [magnitude < below for below, _ in _UNITS],
        [np.round(numbers * factor, 3) for _, factor in _UNITS],
        np.nan,
    )


def is_plausible(millis: NDArray[np.int64], replayed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which times are real, or made up for a file without times.

    Parameters
    ----------
    millis
        Milliseconds since 1970, UTC, int64, shape ``(n,)``.
    replayed
        Whether each is of a file that was replayed, shape ``(n,)``: only such are made up.
    """
    made_up = (millis >= UNDATED_FROM) & (millis < UNDATED_BEFORE) & replayed
    return np.asarray(((millis >= EARLIEST_MS) & (millis <= latest_ms())) | made_up)


def is_plausible_time(millis: int, *, replayed: bool) -> bool:
    """Tell whether one time is real, or made up; see :func:`is_plausible`."""
    made_up = replayed and UNDATED_FROM <= millis < UNDATED_BEFORE
    return made_up or EARLIEST_MS <= millis <= latest_ms()
