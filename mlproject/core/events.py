"""Names and identities of rating events."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.hashing import mix64


class EventSource(StrEnum):
    """Where a rating event comes from."""

    SIMULATED = "SIMULATED"
    REPLAYED = "REPLAYED"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class RatingEvent:
    """One rating on its way, or its retraction.

    Parameters
    ----------
    event_id
        A UUID of version 7.
    user_id, show_id
        At least 0.
    rating
        1 to 10; None = watched, not rated, or taken back.
    rated_at_ms
        Milliseconds since 1970, UTC.
    source
        Where it comes from.
    retracted
        Whether it takes back what the user said of the show before; it has no rating then.
    """

    event_id: str
    user_id: int
    show_id: int
    rating: int | None
    rated_at_ms: int
    source: EventSource
    retracted: bool = False

    def record(self) -> dict[str, Any]:
        """Return the event by the names of the schema and of batches."""
        return {
            c.EVENT_ID: self.event_id,
            c.USER_ID: self.user_id,
            c.SHOW_ID: self.show_id,
            c.RATING: self.rating,
            c.RATED_AT: self.rated_at_ms,
            c.SOURCE: self.source.value,
            c.RETRACTED: self.retracted or None,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a durable event is: the topic, its partition and the offset there."""

    topic: str
    partition: int
    offset: int


def new_event_id(rated_at_ms: int) -> str:
    """Name an event that happens once by a random UUID of version 7.

    Examples
    --------
    >>> new_event_id(0)[:15]
    '00000000-0000-7'
    """
    low = secrets.randbits(74)
    number = rated_at_ms << 80 | 0x7 << 76 | (low >> 62) << 64 | 0b10 << 62 | low & (1 << 62) - 1
    return str(UUID(int=number))


def event_ids(rated_at_ms: NDArray[np.int64], positions: NDArray[np.int64], seed: int) -> list[str]:
    """Name events by UUIDs of version 7 that are a function of the arguments.

    An event sent again after a crash therefore has the same name, and its repeat is
    recognised.

    Parameters
    ----------
    rated_at_ms
        Milliseconds since 1970, UTC, shape ``(n,)``.
    positions
        Place of each event in its stream, shape ``(n,)``.
    seed
        Names the stream.

    Returns
    -------
    list of str
        ``n`` UUIDs, ordered by time at the millisecond.

    Notes
    -----
    Layout: RFC 9562, section 5.7.

    Examples
    --------
    >>> event_ids(np.array([0]), np.array([0]), seed=1)[0][:15]
    '00000000-0000-7'
    """
    high = mix64(positions, seed)
    low = mix64(positions, ~seed)
    time = rated_at_ms.astype(np.uint64) << np.uint64(16)
    first = time | np.uint64(0x7000) | (high & np.uint64(0x0FFF))
    second = np.uint64(0x8000_0000_0000_0000) | (low >> np.uint64(2))
    text = np.stack([first, second], axis=1).astype(">u8").tobytes().hex()
    return [
        f"{text[i : i + 8]}-{text[i + 8 : i + 12]}-{text[i + 12 : i + 16]}-"
        f"{text[i + 16 : i + 20]}-{text[i + 20 : i + 32]}"
        for i in range(0, len(text), 32)
    ]
