"""Merges sorted sets of ratings into one on disk, a range of users at a time.

Only the rows of one range are in memory, whatever the sizes of the sets, which are usually mapped
files. Since numpy lets other threads run while it works on a range, an event loop
beside it hardly notices.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mlproject.core.forgotten import Forgotten
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.latest import beats, laid_out, latest, places

BLOCK_ROWS: Final = 200_000
"""Rows that a range takes from each set, at most, unless a single user has more."""


def merge(
    sets: Sequence[RatingsByUser],
    folder: Path,
    forgotten: Forgotten,
    block_rows: int = BLOCK_ROWS,
) -> None:
    """Write the winners of all sets as the files of one, and to the disk.

    Parameters
    ----------
    sets
        In any order; a user may be in several.
    folder
        Where the files go; it must be there.
    forgotten
        Whose ratings are left out.
    block_rows
        Rows that a range takes from each set.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    is_narrow = all(each.show_id.dtype == np.int32 for each in sets)
    with _Files(folder, np.dtype(np.int32 if is_narrow else np.int64)) as files:
        for lowest, end in _ranges(sets, block_rows):
            parts = [part for each in sets if len(part := _within(each, lowest, end))]
            if parts:
                files.append(_remaining(_merged(parts), forgotten))


def _ranges(sets: Sequence[RatingsByUser], block_rows: int) -> Iterator[tuple[int, int | None]]:
    """Yield ranges of user ids, ascending: the first, and the one after the last."""
    cuts = [
        each.user_id[np.searchsorted(each.start, np.arange(block_rows, len(each), block_rows)) - 1]
        for each in sets
    ]
    bounds = np.unique(np.concatenate([*cuts, np.zeros(1, dtype=np.int64)])).tolist()
    return zip(bounds, [*bounds[1:], None], strict=True)


def _within(ratings: RatingsByUser, lowest: int, end: int | None) -> RatingColumns:
    first = int(ratings.user_id.searchsorted(lowest))
    last = len(ratings.user_id) if end is None else int(ratings.user_id.searchsorted(end))
    return ratings.columns(first, last)


def _merged(parts: list[RatingColumns]) -> RatingColumns:
    """Return the winners; the largest part is only passed over, the others are sorted."""
    largest = max(range(len(parts)), key=lambda place: len(parts[place]))
    old = parts.pop(largest)
    if not parts:
        return old
    new = latest(RatingColumns.concat(parts))
    at, there = places(old, new)
    wins = ~there
    wins[there] = beats(new.take(there), old.take(at[there]))
    return laid_out(old, new.take(wins), at[wins], there[wins])


def _remaining(ratings: RatingColumns, forgotten: Forgotten) -> RatingColumns:
    gone = forgotten.rows(ratings.user_id, ratings.rated_at)
    return ratings.take(~gone) if gone.any() else ratings


class _Files:
    """The arrays of :class:`~mlproject.snapshot.by_user.RatingsByUser`, written bit by bit."""

    def __init__(self, folder: Path, show_type: np.dtype[Any]) -> None:
        types = {name: array.dtype for name, array in RatingsByUser.empty().arrays.items()}
        self._types = types | {"show_id": show_type}
        self._files: dict[str, BinaryIO] = {}
        self._folder = folder
        self._rows = self._users = 0

    def __enter__(self) -> Self:
        for field in fields(RatingsByUser):
            self._files[field.name] = (self._folder / f"{field.name}.npy").open("xb")
            self._write_header(field.name, 0)
        self._write("start", np.zeros(1, dtype=np.int64))
        return self

    def append(self, ratings: RatingColumns) -> None:
        """Write rows of users after all users before."""
        made = RatingsByUser.of(ratings)
        for name, array in made.arrays.items():
            self._write(name, array[1:] + self._rows if name == "start" else array)
        self._rows += len(made)
        self._users += len(made.user_id)

    def _write(self, name: str, array: NDArray[Any]) -> None:
        array.astype(self._types[name], copy=False).tofile(self._files[name])

    def _write_header(self, name: str, length: int) -> None:
        # numpy leaves room in a header for its first dimension to grow.
        described = {
            "descr": npy.dtype_to_descr(self._types[name]),
            "fortran_order": False,
            "shape": (length,),
        }
        npy.write_array_header_1_0(self._files[name], described)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            if error is None:
                lengths = {"user_id": self._users, "start": self._users + 1}
                for name, file in self._files.items():
                    file.seek(0)
                    self._write_header(name, lengths.get(name, self._rows))
                    file.flush()
                    os.fsync(file.fileno())
        finally:
            for file in self._files.values():
                file.close()
