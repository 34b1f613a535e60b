"""The snapshot in memory: the latest rating of every (user, show), in sorted arrays."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import DataError
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.user_ratings import UserRatings
from mlproject.snapshot.digest import RatingsDigest
from mlproject.snapshot.latest import beats, laid_out, latest, places


@dataclass(frozen=True, slots=True)
class RatingsState:
    """The latest rating of every (user, show).

    Parameters
    ----------
    ratings
        ``n`` rows sorted by user, then show; no pair occurs twice.
    users
        The number of distinct users.
    show_ids
        The distinct shows, int64, ascending; of the catalogue or not.
    digest
        Equal for equal ratings, whatever way they came.

    Notes
    -----
    41 bytes a rating; a merge holds the old and the new arrays for a moment.
    """

    ratings: RatingColumns
    users: int
    show_ids: NDArray[np.int64]
    digest: RatingsDigest

    def __len__(self) -> int:
        return len(self.ratings)

    @classmethod
    def empty(cls) -> Self:
        """Return a state of no ratings."""
        return cls.of(RatingColumns.unfilled(0))

    @classmethod
    def of(cls, ratings: RatingColumns) -> Self:
        """Reduce any ratings to the latest of every (user, show)."""
        return cls._counted(latest(ratings))

    @classmethod
    def of_sorted(cls, ratings: RatingColumns) -> Self:
        """Take over rows that are sorted and distinct already, in O(n).

        Raises
        ------
        DataError
            If they are not.
        """
        users, shows = ratings.user_id, ratings.show_id
        ascend = (users[1:] > users[:-1]) | ((users[1:] == users[:-1]) & (shows[1:] > shows[:-1]))
        if not ascend.all():
            raise DataError("the ratings are not sorted by user and show")
        return cls._counted(ratings)

    @classmethod
    def _counted(cls, ratings: RatingColumns) -> Self:
        users = ratings.user_id
        return cls(
            ratings=ratings,
            users=int(np.count_nonzero(users[1:] != users[:-1])) + bool(len(users)),
            show_ids=np.unique(ratings.show_id),
            digest=RatingsDigest.of(ratings),
        )

    def of_user(self, user_id: int) -> UserRatings:
        """Return what a user has rated; nothing if the user is unknown."""
        first, last = np.searchsorted(self.ratings.user_id, [user_id, user_id + 1])
        shows, ratings = self.ratings.show_id[first:last], self.ratings.rating[first:last]
        return UserRatings.standing(shows, ratings)

    def without(self, gone: NDArray[np.bool_]) -> "RatingsState":
        """Return the state without some rows, bool, shape ``(n,)``."""
        return self._counted(self.ratings.take(~gone))

    def merge(self, new: RatingColumns) -> "Merged":
        """Let new ratings win over old ones, or lose.

        Parameters
        ----------
        new
            ``k`` rows in any order, with repeats.

        Returns
        -------
        Merged
            The new state and the rows that made the difference. Cost: O(k log k) to sort
            the new, O(k log n) to find their places, one pass of O(n) to lay out the
            arrays anew; none if no row wins.
        """
        rows = latest(new)
        at, there = places(self.ratings, rows)
        wins = ~there
        wins[there] = beats(rows.take(there), self.ratings.take(at[there]))
        fresh, at, replaces = rows.take(wins), at[wins], there[wins]
        if not len(fresh):
            return Merged(self, fresh, replaced=0)

        gone = self.ratings.take(at[replaces])
        new_users = self._new_users(fresh.user_id, at)
        merged = RatingsState(
            ratings=laid_out(self.ratings, fresh, at, replaces),
            users=self.users + new_users,
            show_ids=np.union1d(self.show_ids, fresh.show_id),
            digest=self.digest.changed(RatingsDigest.of(gone), RatingsDigest.of(fresh)),
        )
        return Merged(merged, fresh, replaced=len(gone))

    def _new_users(self, users: NDArray[np.int64], at: NDArray[np.int64]) -> int:
        """Count the users who have no row yet; ``at`` are the places of their rows."""
        if not len(self):
            return len(np.unique(users))
        old, last = self.ratings.user_id, len(self) - 1
        # A known user's row is next to the place, before or after it.
        known = (old[np.minimum(at, last)] == users) | (old[np.maximum(at - 1, 0)] == users)
        return len(np.unique(users[~known]))


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    Parameters
    ----------
    state
        The new state.
    fresh
        The new rows that won, sorted by user, then show.
    replaced
        How many of them took the place of an older rating.
    """

    state: RatingsState
    fresh: RatingColumns
    replaced: int
