"""What users rated lately, which no model may know yet."""

from collections import OrderedDict
from typing import Final

import numpy as np

from mlproject.core.user_ratings import UserRatings

_USERS: Final = 10_000
_SHOWS: Final = 200


class RecentlyRated:
    """Remembers, within bounds, what was rated through this process.

    A model masks what a user had rated when it was trained, and the next one may not be
    promoted for long. What is forgotten here, at a restart say, is recommended again
    until then.

    Parameters
    ----------
    users
        The users remembered: those who rated last.
    shows
        The shows remembered of each, those rated last.

    Examples
    --------
    >>> rated = RecentlyRated()
    >>> rated.add(user_id=1, show_id=20, rating=9)
    >>> len(rated.of(1)), len(rated.of(2))
    (1, 0)
    """

    def __init__(self, users: int = _USERS, shows: int = _SHOWS) -> None:
        self._most_users = users
        self._most_shows = shows
        self._shows: OrderedDict[int, OrderedDict[int, int]] = OrderedDict()

    def add(self, user_id: int, show_id: int, rating: int) -> None:
        """Remember a rating."""
        shows = self._shows.setdefault(user_id, OrderedDict())
        self._shows.move_to_end(user_id)
        shows[show_id] = rating
        shows.move_to_end(show_id)
        if len(shows) > self._most_shows:
            shows.popitem(last=False)
        if len(self._shows) > self._most_users:
            self._shows.popitem(last=False)

    def of(self, user_id: int) -> UserRatings:
        """Return what a user rated lately."""
        shows: dict[int, int] = self._shows.get(user_id) or {}
        return UserRatings(
            np.fromiter(shows.keys(), dtype=np.int64), np.fromiter(shows.values(), dtype=np.int8)
        )
