"""How far the batches have been read."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a partition has been read.

    Parameters
    ----------
    last_key, etag
        The newest batch read, and the tag of its content.
    next_offset
        The offset after the last event known of.
    """

    last_key: str
    etag: str
    next_offset: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What has been read since the first batch.

    Parameters
    ----------
    batches, unreadable
        Objects read, and objects that could not be.
    events, rejected
        Good rows, and rows set aside. Those events that are not in the snapshot were
        repeats, or lost against a later rating.
    """

    batches: int = 0
    unreadable: int = 0
    events: int = 0
    rejected: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.batches + other.batches,
            self.unreadable + other.unreadable,
            self.events + other.events,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class Delay:
    """How late batches came, and how long they waited.

    Parameters
    ----------
    written_at
        When the oldest of them came into the bucket, in seconds since 1970; infinite = none.
    to_bucket
        Seconds from the newest rating of a batch (event time) until the batch was in the bucket
        (arrival), the most of all batches.
    """

    written_at: float = math.inf
    to_bucket: float = 0.0

    def __or__(self, other: "Delay") -> "Delay":
        return Delay(min(self.written_at, other.written_at), max(self.to_bucket, other.to_bucket))

    def in_bucket(self, now: float) -> float:
        """Return the seconds that the oldest batch has lain in the bucket; 0 if there is none."""
        return max(0.0, now - self.written_at)


@dataclass(frozen=True, slots=True)
class Progress:
    """The counts from reading some batches, beside their ratings.

    Parameters
    ----------
    watermarks
        How far each partition is read after them.
    totals
        Counts of these batches.
    unreadable
        The keys of those that could not be read.
    delay
        Of those that could be read.
    """

    watermarks: Mapping[int, Watermark] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    unreadable: frozenset[str] = frozenset()
    delay: Delay = field(default_factory=Delay)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Join parts; of one partition, those of lower offsets come first."""
        watermarks: dict[int, Watermark] = {}
        totals, unreadable, delay = Totals(), set[str](), Delay()
        for part in parts:
            for partition, watermark in part.watermarks.items():
                before = watermarks.get(partition)
                # A batch that cannot be read tells no offset; what is known stays.
                known = max(before.next_offset if before else 0, watermark.next_offset)
                watermarks[partition] = replace(watermark, next_offset=known)
            totals += part.totals
            unreadable |= part.unreadable
            delay |= part.delay
        return cls(watermarks, totals, frozenset(unreadable), delay)
