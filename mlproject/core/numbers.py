"""Which numbers can be held, and which are still exact."""

from typing import Final

INT64_MAX: Final = 2**63 - 1

INEXACT_FROM: Final = 2**53
"""From here on a float stands for its neighbours too, so an id that was one is lost."""

EXPONENT: Final = r"[+-]?[0-9]+(\.[0-9]+)?[eE]\+?[0-9]+"
"""A whole number after a program has made a float of it: ``7.65612E+16``."""

INSTANT_LIMIT_MS: Final = 8.64e15
"""Times are less than this many milliseconds from 1970: 100 million days, as in ECMAScript."""
