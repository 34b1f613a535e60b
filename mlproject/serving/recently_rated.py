"""What users rated lately, which no model may know yet."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

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
    >>> rated.add(user_id=1, show_id=20)
    >>> list(rated.shows_of(1)), list(rated.shows_of(2))
    ([20], [])
    """

    def __init__(self, users: int = _USERS, shows: int = _SHOWS) -> None:
        self._most_users = users
        self._most_shows = shows
        self._shows: OrderedDict[int, OrderedDict[int, None]] = OrderedDict()

    def add(self, user_id: int, show_id: int) -> None:
        """Remember a rating."""
        shows = self._shows.setdefault(user_id, OrderedDict())
        self._shows.move_to_end(user_id)
        shows[show_id] = None
        shows.move_to_end(show_id)
        if len(shows) > self._most_shows:
            shows.popitem(last=False)
        if len(self._shows) > self._most_users:
            self._shows.popitem(last=False)

    def shows_of(self, user_id: int) -> Collection[int]:
        """Return the shows that a user rated lately."""
        return self._shows.get(user_id, ())
