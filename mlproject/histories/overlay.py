"""Ratings after a copy of the snapshot, in memory: only those that replace the copy's.

A rating here takes 200 to 400 bytes (``benchmarks/bench_histories.py``), so there must not be
many; :mod:`mlproject.histories.followed` sees to that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.forgotten import Forgotten
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_order import Rated, order_of, parts_of
from mlproject.core.user_ratings import UserRatings
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.latest import beats, latest

_KEY: Final = Struct(">QQ")
# What core.rating_order packs.
_ORDER: Final = np.dtype([("at", ">u8"), ("high", ">u8"), ("low", ">u8"), ("rating", "u1")])
_SHIFT: Final = np.uint64(2**63)

Winners = Mapping[int, Mapping[int, bytes]]
"""By user and show, the order of the rating that counts."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The live ratings of some users, and how many ratings more these are than before."""

    users: dict[int, dict[int, bytes]]
    added: int


class Overlay:
    """The latest ratings of a copy and of what came after it.

    Nothing here is locked. :meth:`winners` and :meth:`prepared` may run beside :meth:`of`;
    :meth:`commit` may not, and takes next to no time.

    Parameters
    ----------
    copy
        The ratings beneath.
    forgotten
        Whose ratings do not count, not even those of the copy.
    """

    def __init__(self, copy: RatingsByUser, forgotten: Forgotten) -> None:
        self._copy = copy
        self._forgotten = forgotten
        self._users: dict[int, dict[int, bytes]] = {}
        self._count = 0
        self._hidden = forgotten_in(copy, forgotten)
        for user_id, moment in self._hidden.items():
            self._keep_later(user_id, moment)

    def __len__(self) -> int:
        """Return how many ratings are in memory."""
        return self._count

    @property
    def hides(self) -> bool:
        """Whether the copy holds ratings that do not count."""
        return bool(self._hidden)

    def winners(self, arrived: Iterable[Rated]) -> Winners:
        """Return which of these ratings win over all that is known."""
        found: dict[int, dict[int, bytes]] = {}
        for user_id, show_id, order in arrived:
            if len(self._forgotten) and self._forgotten.covers(user_id, parts_of(order)[0]):
                continue
            new = found.get(user_id)
            held = new.get(show_id) if new else None
            if held is None:
                held = self.held(user_id, show_id)
            if held is None or order > held:
                if new is None:
                    new = found[user_id] = {}
                new[show_id] = order
        return found

    def prepared(self, winners: Winners) -> Prepared:
        """Return what :meth:`commit` takes over: all live ratings of the users concerned."""
        users = {
            user_id: {**self._users.get(user_id, {}), **new} for user_id, new in winners.items()
        }
        added = sum(
            len(shows) - len(self._users.get(user_id, ())) for user_id, shows in users.items()
        )
        return Prepared(users, added)

    def commit(self, prepared: Prepared) -> None:
        """Let ratings count that :meth:`prepared` has returned, all at once."""
        self._users.update(prepared.users)
        self._count += prepared.added

    def take(self, winners: Winners) -> None:
        """Prepare and commit in one."""
        self.commit(self.prepared(winners))

    def held(self, user_id: int, show_id: int) -> bytes | None:
        """Return the order of the rating that counts, None if there is none."""
        shows = self._users.get(user_id)
        if shows and (held := shows.get(show_id)) is not None:
            return held
        begin, end = self._rows_of(user_id)
        if begin == end:
            return None
        row = begin + int(self._copy.show_id[begin:end].searchsorted(show_id))
        if row == end or self._copy.show_id[row] != show_id:
            return None
        return self._order(row)

    def of(self, user_id: int, more: Mapping[int, bytes] | None = None) -> UserRatings:
        """Return what a user has rated, the shows ascending.

        Parameters
        ----------
        user_id
            From 0 to 2**63 - 1.
        more
            Further ratings by show, with their orders, which :meth:`held` does not beat.
        """
        begin, end = self._rows_of(user_id)
        shows: NDArray[np.int64] = self._copy.show_id[begin:end].astype(np.int64)
        ratings = self._copy.rating[begin:end]
        live: Mapping[int, bytes] | None = self._users.get(user_id)
        if more:
            live = {**(live or {}), **more}
        if live:
            shows, ratings = _with(shows, ratings, live)
        return UserRatings.standing(shows, ratings)

    def ratings(self) -> RatingsByUser:
        """Return the ratings in memory; a take must not run meanwhile."""
        return RatingsByUser.of(latest(self._columns()))

    def over(self, copy: RatingsByUser, forgotten: Forgotten) -> "Overlay":
        """Return the ratings in memory that win over those of another copy, over that.

        Parameters
        ----------
        copy
            The other copy.
        forgotten
            Whose ratings do not count from now on.
        """
        columns = self._columns()
        at, there = copy.places(columns)
        is_needed = ~there
        held = copy.take(at[there], columns.user_id[there])
        is_needed[there] = beats(columns.take(there), held)
        is_needed &= ~forgotten.rows(columns.user_id, columns.rated_at)
        made = Overlay(copy, forgotten)
        users, shows = columns.user_id[is_needed].tolist(), columns.show_id[is_needed].tolist()
        for user_id, show_id in zip(users, shows, strict=True):
            made.take({user_id: {show_id: self._users[user_id][show_id]}})
        return made

    def _rows_of(self, user_id: int) -> tuple[int, int]:
        return (0, 0) if user_id in self._hidden else self._copy.rows_of(user_id)

    def _order(self, row: int) -> bytes:
        copy = self._copy
        key = _KEY.pack(int(copy.id_high[row]), int(copy.id_low[row]))
        return order_of(int(copy.rated_at[row]), key, int(copy.rating[row]))

    def _keep_later(self, user_id: int, moment: int) -> None:
        """Hold in memory what a hidden user has rated after being forgotten."""
        begin, end = self._copy.rows_of(user_id)
        later = begin + np.flatnonzero(self._copy.rated_at[begin:end] > moment)
        if len(later):
            orders = {int(self._copy.show_id[row]): self._order(row) for row in later.tolist()}
            self.take({user_id: orders})

    def _columns(self) -> RatingColumns:
        users: list[int] = []
        shows: list[int] = []
        orders: list[bytes] = []
        for user_id, live in self._users.items():
            users += [user_id] * len(live)
            shows += live.keys()
            orders += live.values()
        packed = np.frombuffer(b"".join(orders), dtype=_ORDER)
        return RatingColumns(
            user_id=np.array(users, dtype=np.int64),
            show_id=np.array(shows, dtype=np.int64),
            rating=packed["rating"].astype(np.int8),
            rated_at=(packed["at"].astype(np.uint64) - _SHIFT).view(np.int64),
            id_high=packed["high"].astype(np.uint64),
            id_low=packed["low"].astype(np.uint64),
        )


def forgotten_in(ratings: RatingsByUser, forgotten: Forgotten) -> dict[int, int]:
    """Return the users who have ratings that must not count, and up to which moment."""
    found = {}
    for user_id, moment in forgotten.among(ratings.user_id).items():
        begin, end = ratings.rows_of(user_id)
        if (ratings.rated_at[begin:end] <= moment).any():
            found[user_id] = moment
    return found


def _with(
    shows: NDArray[np.int64], ratings: NDArray[np.int8], live: Mapping[int, bytes]
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Let live ratings replace those of the same shows, and keep the shows ascending."""
    # Of few shows as a rule, for which this is faster than by arrays.
    new: dict[int, int] = {}
    replaced: dict[int, int] = {}
    for show_id, order in live.items():
        at = int(shows.searchsorted(show_id))
        if at < len(shows) and shows[at] == show_id:
            replaced[at] = order[-1]
        else:
            new[show_id] = order[-1]
    if replaced:
        ratings = ratings.copy()
        for at, rating in replaced.items():
            ratings[at] = rating
    if not new:
        return shows, ratings
    shows = np.concatenate([shows, np.fromiter(new, np.int64, len(new))])
    ratings = np.concatenate([ratings, np.fromiter(new.values(), np.int8, len(new))])
    ascending = shows.argsort()
    return shows[ascending], ratings[ascending]
