"""How far the batches have been read."""

from dataclasses import dataclass


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
