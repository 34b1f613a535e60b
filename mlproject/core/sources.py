"""What an answer is based on."""

from typing import Final, Literal

Source = Literal["personalized", "folded-in", "popular"]

ENOUGH: Final = 5
"""The fewest liked shows for an answer to be called personalized."""


def source_of(telling: int) -> Source:
    """Name what an answer is based on.

    Parameters
    ----------
    telling
        How many shows of the history are liked: those with a weight above 0.

    Examples
    --------
    >>> source_of(0), source_of(1), source_of(5)
    ('popular', 'folded-in', 'personalized')
    """
    if telling == 0:
        return "popular"
    return "personalized" if telling >= ENOUGH else "folded-in"
