"""What a rating is as a number; apart from the arrays, since a version carries this."""

from typing import Final

LOWEST: Final = 1
HIGHEST: Final = 10

UNRATED: Final = 0
"""Watched, not rated."""
RETRACTED: Final = 127
"""Taken back: no rating, though it is held like one, so that an older one that comes later loses.

It is the highest int8, since as a byte it then has the same place among ratings as in an
array, and it is no index of any table of weights.
"""
