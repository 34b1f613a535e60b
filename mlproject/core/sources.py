"""What an answer is based on."""

from typing import Final, Literal

Source = Literal["personalized", "folded-in", "popular"]

ENOUGH: Final = 5
"""From so many shows that say something of the taste, an answer is called personalized."""


def source_of(telling: int) -> Source:
    """Name what an answer is based on.

    Parameters
    ----------
    telling
        How many shows of the history say something of the taste: those with weight.

    Examples
    --------
    >>> source_of(0), source_of(1), source_of(5)
    ('popular', 'folded-in', 'personalized')
    """
    if telling == 0:
        return "popular"
    return "personalized" if telling >= ENOUGH else "folded-in"
