"""Sorted ratings, user by user: the form of segments, and of what the service maps."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import DataError
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.latest import show_places

_INT32_MAX: Final = int(np.iinfo(np.int32).max)


@dataclass(frozen=True, slots=True)
class RatingsByUser:
    """The ratings of ``u`` users, ``n`` rows sorted by user, then show, no pair twice.

    Show ids and ratings are 5 bytes a row; they make a history. The other 24 tell only
    which of two ratings of a show counts. As files they are apart, so that a process that
    maps them has in memory what it reads.

    Parameters
    ----------
    user_id
        Distinct, ascending, int64, shape ``(u,)``.
    start
        The rows of ``user_id[i]`` are ``start[i]`` to ``start[i + 1]``; int64, ``(u + 1,)``.
    show_id
        int32, or int64 where an id does not fit; shape ``(n,)``.
    rating
        int8, 1 to 10, 0 = watched, not rated.
    rated_at, id_high, id_low
        As in :class:`~mlproject.core.rating_columns.RatingColumns`.
    """

    user_id: NDArray[np.int64]
    start: NDArray[np.int64]
    show_id: NDArray[np.signedinteger[Any]]
    rating: NDArray[np.int8]
    rated_at: NDArray[np.int64]
    id_high: NDArray[np.uint64]
    id_low: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.show_id)

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(getattr(self, field.name).nbytes for field in fields(self))

    @classmethod
    def of(cls, ratings: RatingColumns) -> Self:
        """Take over rows that are sorted and distinct already."""
        users = ratings.user_id
        first = np.flatnonzero(np.append(True, users[1:] != users[:-1])[: len(users)])
        is_narrow = not len(users) or int(ratings.show_id.max()) <= _INT32_MAX
        return cls(
            user_id=users[first],
            start=np.append(first, len(users)).astype(np.int64),
            show_id=ratings.show_id.astype(np.int32 if is_narrow else np.int64),
            rating=ratings.rating,
            rated_at=ratings.rated_at,
            id_high=ratings.id_high,
            id_low=ratings.id_low,
        )

    @classmethod
    def empty(cls) -> Self:
        """Return the ratings of no users."""
        return cls.of(RatingColumns.unfilled(0))

    @classmethod
    def named(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take over arrays by their names.

        Raises
        ------
        DataError
            If one is missing, or if their lengths or types are not as they should be.
        """
        try:
            made = cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except KeyError as error:
            raise DataError(f"there is no {error.args[0]}") from None
        rows = len(made.show_id)
        by_row = (made.show_id, made.rating, made.rated_at, made.id_high, made.id_low)
        is_whole = (
            all(len(array) == rows for array in by_row)
            and len(made.start) == len(made.user_id) + 1
            and made.start[0] == 0
            and made.start[-1] == rows
        )
        if not is_whole or not all(
            array.dtype in _TYPES[name] for name, array in made.arrays.items()
        ):
            raise DataError("the columns or rows are not those expected")
        return made

    @classmethod
    def mapped(cls, folder: Path) -> Self:
        """Map the files of a folder into memory, read-only.

        Raises
        ------
        DataError
            If the files do not fit together.
        OSError, ValueError
            If one is missing or no array.
        """
        arrays = {
            # A plain array over the mapped one, since numpy.memmap is slow to slice.
            field.name: np.asarray(np.load(folder / f"{field.name}.npy", mmap_mode="r"))
            for field in fields(cls)
        }
        return cls.named(arrays)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def columns(self, first: int = 0, last: int | None = None) -> RatingColumns:
        """Return the rows of the users ``first`` to ``last``, by their places."""
        last = len(self.user_id) if last is None else last
        begin, end = int(self.start[first]), int(self.start[last])
        return RatingColumns(
            user_id=np.repeat(self.user_id[first:last], np.diff(self.start[first : last + 1])),
            show_id=self.show_id[begin:end].astype(np.int64),
            rating=self.rating[begin:end],
            rated_at=self.rated_at[begin:end],
            id_high=self.id_high[begin:end],
            id_low=self.id_low[begin:end],
        )

    def rows_of(self, user_id: int) -> tuple[int, int]:
        """Return where a user's rows begin and end; the same place twice for no rows."""
        place = int(self.user_id.searchsorted(user_id))
        if place == len(self.user_id) or self.user_id[place] != user_id:
            return 0, 0
        return int(self.start[place]), int(self.start[place + 1])

    def places(self, wanted: RatingColumns) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Find pairs, as :func:`~mlproject.snapshot.latest.places` does."""
        user = self.user_id.searchsorted(wanted.user_id)
        is_known = user < len(self.user_id)
        is_known[is_known] = self.user_id[user[is_known]] == wanted.user_id[is_known]
        low, end = self.start[user], self.start[np.where(is_known, user + 1, user)]
        return show_places(self.show_id, wanted.show_id, low, end)

    def take(self, chosen: NDArray[np.int64], user_id: NDArray[np.int64]) -> RatingColumns:
        """Return rows by their places; who rated them is known to the caller."""
        return RatingColumns(
            user_id=user_id,
            show_id=self.show_id[chosen].astype(np.int64),
            rating=self.rating[chosen],
            rated_at=self.rated_at[chosen],
            id_high=self.id_high[chosen],
            id_low=self.id_low[chosen],
        )


_TYPES: Final[dict[str, tuple[np.dtype[Any], ...]]] = {
    "user_id": (np.dtype(np.int64),),
    "start": (np.dtype(np.int64),),
    "show_id": (np.dtype(np.int32), np.dtype(np.int64)),
    "rating": (np.dtype(np.int8),),
    "rated_at": (np.dtype(np.int64),),
    "id_high": (np.dtype(np.uint64),),
    "id_low": (np.dtype(np.uint64),),
}
