"""Reads batches of JSON lines without pandas and pyarrow, as the service has neither.

Only rows that need no judging are read: whole numbers in range, times in milliseconds, as
everything of ours writes them. The ingest coerces more
(:meth:`~mlproject.core.ratings.RatingFrame.validated`), and what it makes of the rest comes
to the service by the snapshot.
"""

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Final

from mlproject.core.errors import BatchError
from mlproject.core.rating_order import Rated, rated_of

_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class RatedLines:
    """A batch that has been read.

    Parameters
    ----------
    ratings
        The plain rows, each with its offset: as the row tells it, or counted from the
        batch's first.
    passed_over
        How many others there are.
    next_offset
        The offset after the last row.
    """

    ratings: list[tuple[int, Rated]]
    passed_over: int
    next_offset: int


def read_rated_lines(content: bytes, first_offset: int) -> RatedLines:
    """Read a batch, gzip or plain.

    Raises
    ------
    BatchError
        If it is no text of lines.
    """
    try:
        raw = gzip.decompress(content) if content.startswith(_GZIP) else content
        lines = [line for line in raw.decode().split("\n") if line.strip()]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BatchError(f"not a readable batch of JSON lines: {error}") from error
    ratings: list[tuple[int, Rated]] = []
    next_offset = first_offset
    for line in lines:
        rated, offset = _read(line)
        next_offset = next_offset if offset is None else offset
        if rated is not None:
            ratings.append((next_offset, rated))
        next_offset += 1
    return RatedLines(ratings, len(lines) - len(ratings), next_offset)


def _read(line: str) -> tuple[Rated | None, int | None]:
    """Return a line's rating, None if it is not plain, and its offset, None if untold."""
    try:
        outer = json.loads(line)
        event = outer.get("value", outer)
        offset = outer.get("offset", event.get("offset"))
    except (ValueError, RecursionError, AttributeError):
        return None, None
    return rated_of(event), offset if type(offset) is int and offset >= 0 else None
