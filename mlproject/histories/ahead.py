"""Ratings given through this process that the stream has not delivered yet."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from mlproject.core.forgotten import Forgotten
from mlproject.core.rating_order import Rated, parts_of
from mlproject.histories.overlay import Overlay

MOST: Final = 10_000
"""Ratings kept, at most; an older one counts again when the stream comes to it."""


class Ahead:
    """Ratings with their places, until the stream delivers them. Not thread-safe."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._ratings: deque[tuple[int, int, Rated]] = deque()
        self._users: dict[int, list[tuple[int, int, Rated]]] = {}

    def add(self, rated: Rated, partition: int, offset: int) -> None:
        """Keep a rating until its offset is passed."""
        entry = (partition, offset, rated)
        self._ratings.append(entry)
        self._users.setdefault(rated.user_id, []).append(entry)
        if len(self._ratings) > self._most:
            self._drop(self._ratings.popleft())

    def passed(self, partition: int, next_offset: int) -> None:
        """Drop what the stream has come to."""
        if not self._ratings:
            return
        kept: deque[tuple[int, int, Rated]] = deque()
        for entry in self._ratings:
            if entry[0] == partition and entry[1] < next_offset:
                self._drop(entry)
            else:
                kept.append(entry)
        self._ratings = kept

    def forget(self, forgotten: Forgotten) -> None:
        """Drop the ratings that must not count."""
        kept: deque[tuple[int, int, Rated]] = deque()
        for entry in self._ratings:
            user_id, _, order = entry[2]
            if forgotten.covers(user_id, parts_of(order)[0]):
                self._drop(entry)
            else:
                kept.append(entry)
        self._ratings = kept

    def places(self, user_id: int) -> tuple[tuple[int, int], ...]:
        """Return partition and offset of a user's ratings, ascending."""
        entries = self._users.get(user_id)
        return tuple(sorted(entry[:2] for entry in entries)) if entries else ()

    def of(self, user_id: int, known: Overlay) -> Mapping[int, bytes] | None:
        """Return those of a user's ratings that win over what is known, by show."""
        entries = self._users.get(user_id)
        if not entries:
            return None
        rated = (entry[2] for entry in entries)
        return known.winners(rated).get(user_id)

    def _drop(self, entry: tuple[int, int, Rated]) -> None:
        user_id = entry[2].user_id
        left = [each for each in self._users[user_id] if each is not entry]
        if left:
            self._users[user_id] = left
        else:
            del self._users[user_id]
