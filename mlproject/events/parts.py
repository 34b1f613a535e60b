"""The parts of a file whose replay has begun, so that a later one can go on from there."""

from dataclasses import dataclass
from typing import Final

START_OVER: Final = (
    "Replay it into a state folder of its own (`make run STATE=another-folder ...`), or start over "
    "after `make clean-state`"
)
"""What to do with a file that is no longer the one that was begun."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a file up to ``end``, and what they were when they were begun.

    Parameters
    ----------
    end
        Rows from the beginning of the file to the end of this part.
    digest
        Of all these rows, as ratings.
    """

    end: int
    digest: str
