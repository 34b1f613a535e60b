"""Which of two ratings of a show counts, as bytes that compare.

It is the order of :mod:`mlproject.snapshot.latest`, for one rating at a time. Since it is
total and the higher of two wins, ratings may come in any order and any number of times.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mlproject.core import columns as c
from mlproject.core.event_keys import event_key
from mlproject.core.rating_scale import HIGHEST, LOWEST

_ORDER: Final = struct.Struct(">Q16sB")
# Makes times before 1970 compare as numbers of no sign.
_SHIFT: Final = 2**63
_LARGEST_ID: Final = 2**63 - 1
# 9999, the last year that ISO 8601 writes in four digits.
_LAST_INSTANT: Final = 253_402_300_799_999
_UNRATED: Final = 0


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
        1 to 10; 0 = watched, not rated.

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


def rated_of(event: Mapping[str, Any]) -> Rated | None:
    """Return an event's rating.

    Parameters
    ----------
    event
        By the names of :mod:`mlproject.core.columns`; ``rated_at`` in milliseconds since 1970.

    Returns
    -------
    Rated
        None if a value is missing, out of range or not of its type.
    """
    event_id, rated_at = event.get(c.EVENT_ID), event.get(c.RATED_AT)
    user_id, show_id, rating = event.get(c.USER_ID), event.get(c.SHOW_ID), event.get(c.RATING)
    value = _UNRATED if rating is None else rating
    # By type, since True is an int to isinstance.
    if not type(user_id) is type(show_id) is type(rated_at) is type(value) is int:
        return None
    if not isinstance(event_id, str):
        return None
    is_good = (
        0 <= user_id <= _LARGEST_ID
        and 0 <= show_id <= _LARGEST_ID
        and abs(rated_at) <= _LAST_INSTANT
        and (rating is None or LOWEST <= value <= HIGHEST)
    )
    if not is_good:
        return None
    return Rated(user_id, show_id, order_of(rated_at, event_key(event_id), value))
