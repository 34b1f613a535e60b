"""How far the batches have been read."""

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
    """

    watermarks: Mapping[int, Watermark] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    unreadable: frozenset[str] = frozenset()

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Join parts; of one partition, those of lower offsets come first."""
        watermarks: dict[int, Watermark] = {}
        totals, unreadable = Totals(), set[str]()
        for part in parts:
            for partition, watermark in part.watermarks.items():
                before = watermarks.get(partition)
                # A batch that cannot be read tells no offset; what is known stays.
                known = max(before.next_offset if before else 0, watermark.next_offset)
                watermarks[partition] = replace(watermark, next_offset=known)
            totals += part.totals
            unreadable |= part.unreadable
        return cls(watermarks, totals, frozenset(unreadable))
