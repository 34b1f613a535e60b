"""Which of two ratings of a show counts, as bytes that compare.

It is the order of :mod:`mlproject.snapshot.latest`, for one rating at a time. Since it is
total and the higher of two wins, ratings may come in any order and any number of times.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mlproject.core import columns as c
from mlproject.core.event_keys import event_key
from mlproject.core.rating_columns import rating_of

_ORDER: Final = struct.Struct(">Q16sB")
# Makes times before 1970 compare as numbers of no sign.
_SHIFT: Final = 2**63


class Rated(NamedTuple):
    """One rating that has arrived: who, what, and its order, in which the rating is."""

    user_id: int
    show_id: int
    order: bytes


def order_of(rated_at_ms: int, event_key: bytes, rating: int) -> bytes:
    """Return 25 bytes that are higher for the rating that counts.

    Parameters
    ----------
    rated_at_ms
        Milliseconds since 1970, UTC.
    event_key
        See :func:`~mlproject.core.event_keys.event_key`.
    rating
        As :class:`~mlproject.core.rating_columns.RatingColumns` holds it.

    Examples
    --------
    >>> order_of(1, bytes(16), 5) > order_of(0, bytes(16), 9) > order_of(-1, bytes(16), 10)
    True
    """
    return _ORDER.pack(rated_at_ms + _SHIFT, event_key, rating)


def rating_in(order: bytes) -> int:
    """Return the rating of an order.

    Examples
    --------
    >>> rating_in(order_of(1, bytes(16), 5))
    5
    """
    return order[-1]


def parts_of(order: bytes) -> tuple[int, bytes, int]:
    """Return what :func:`order_of` was given.

    Examples
    --------
    >>> parts_of(order_of(-7, bytes(16), 5)) == (-7, bytes(16), 5)
    True
    """
    shifted, event_key, rating = _ORDER.unpack(order)
    return shifted - _SHIFT, event_key, rating


def rated_of(event: Mapping[str, Any]) -> Rated:
    """Return what an event says of a show.

    Parameters
    ----------
    event
        As :func:`~mlproject.core.event_values.read_event` returns it.
    """
    order = order_of(event[c.RATED_AT], event_key(event[c.EVENT_ID]), rating_of(event))
    return Rated(event[c.USER_ID], event[c.SHOW_ID], order)
