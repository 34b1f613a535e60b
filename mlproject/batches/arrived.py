"""Ratings of one partition that have come in since the last look."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlproject.batches.progress import Watermark
from mlproject.core.rating_order import Rated


@dataclass(frozen=True, slots=True)
class Arrived:
    """Ratings in the order of offsets, and how far the partition is read after them.

    Parameters
    ----------
    partition
        Its number.
    ratings
        The good ones.
    watermark
        After them.
    passed_over
        Messages or rows that could not be read.
    is_missed
        Whether there were ratings that only the snapshot will tell: in a batch that only the
        ingest reads, or deleted by Kafka.
    """

    partition: int
    ratings: Sequence[Rated]
    watermark: Watermark
    passed_over: int = 0
    is_missed: bool = False
