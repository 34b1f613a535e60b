"""Ratings of a batch of JSON lines, each with its offset, as whoever follows needs them."""

from dataclasses import dataclass

from mlproject.batches.jsonl import lines_of, raw_event, unpacked
from mlproject.core.event_values import read_event
from mlproject.core.rating_order import Rated, rated_of


@dataclass(frozen=True, slots=True)
class RatedLines:
    """A batch that has been read; it passes over the rows that an ingest would reject.

    Parameters
    ----------
    ratings
        The good rows, each with its offset: as the row tells it, or counted from the one
        before.
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
        If the content is empty, not text, or a gzip file that is damaged or cut off.
    """
    lines = lines_of(unpacked(content)[1])
    ratings: list[tuple[int, Rated]] = []
    offset = next_offset = first_offset
    passed_over = 0
    for line in lines:
        offset = next_offset
        try:
            raw, told = raw_event(line)
            offset = offset if told is None else told
            if raw is not None:
                ratings.append((offset, rated_of(read_event(raw))))
        except ValueError:
            passed_over += 1
        next_offset = offset + 1
    return RatedLines(ratings, passed_over, next_offset)
