"""Which times of ratings are real.

A file of ratings without times is replayed all the same, and each rating has to have
one; it gets one that nobody would take for real.
"""

from typing import Final

UNDATED_FROM: Final = 0
"""The first made-up time, milliseconds since 1970: later ratings of a file count on."""

DATED_FROM: Final = 315_532_800_000
"""1980-01-01 UTC in milliseconds since 1970: earlier ratings have no date of their own.

Every public set of ratings began after that, and 315 billion made-up times fit before.
"""
