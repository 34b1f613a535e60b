"""Names and identities of rating events."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mlproject.core.hashing import mix64


class EventSource(StrEnum):
    """Where a rating event comes from."""

    SIMULATED = "SIMULATED"
    REPLAYED = "REPLAYED"
    SERVICE = "SERVICE"


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
