"""Ratings as a checked frame: the form in which they travel between stages."""

from dataclasses import dataclass
from typing import Any, Final, Self

import pandas as pd

from mlproject.core import columns as c
from mlproject.core.parsing import decimals, instants, whole_numbers
from mlproject.core.rating_scale import HIGHEST, LOWEST

DTYPES: Final = {
    c.EVENT_ID: "str",
    c.USER_ID: "int64",
    c.SHOW_ID: "int64",
    c.RATING: "Int8",
    c.RATED_AT: "datetime64[ms, UTC]",
    c.SOURCE: "str",
}


@dataclass(frozen=True, slots=True)
class RatingFrame:
    """Rating events, one a row, in the order in which they were sent.

    Columns: ``event_id`` (str), ``user_id`` and ``show_id`` (int64, at least 0),
    ``rating`` (Int8, 1 to 10, NA = watched but not rated), ``rated_at``
    (milliseconds, UTC), ``source`` (str).

    Build one with :meth:`validated`; the plain constructor trusts its caller.
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def records(self) -> list[dict[str, Any]]:
        """Return the events as dictionaries of Python values; unrated is None."""
        frame = self.frame.astype("object")
        rows = frame.where(self.frame.notna(), None).to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]

    @classmethod
    def empty(cls) -> Self:
        """Return a frame of no rows."""
        return cls(pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in DTYPES.items()}))

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """Join frames, keeping the order."""
        filled = [part.frame for part in parts if len(part)]
        return cls(pd.concat(filled, ignore_index=True)) if filled else cls.empty()

    @classmethod
    def validated(cls, raw: pd.DataFrame) -> tuple[Self, pd.DataFrame]:
        """Split raw rows into good ratings and rejected rows.

        Parameters
        ----------
        raw
            At least the columns of :data:`~mlproject.core.columns.RATING_COLUMNS`,
            of any type; values are coerced.

        Returns
        -------
        tuple
            The good rows, and the rejected ones as they came, with a column
            ``reason``.

        Raises
        ------
        KeyError
            If a column is missing: that is the file's fault, not a row's.
        """
        users, shows = whole_numbers(raw[c.USER_ID]), whole_numbers(raw[c.SHOW_ID])
        ratings, stamps = decimals(raw[c.RATING]), instants(raw[c.RATED_AT], unit="ms")

        unrated = raw[c.RATING].isna()
        reasons = pd.Series("", index=raw.index, dtype="object")

        def reject(bad: pd.Series, why: str) -> None:
            reasons.loc[bad & (reasons == "")] = why

        reject(raw[c.EVENT_ID].isna(), "no event_id")
        reject(users.isna(), "user_id is not a whole number of at least 0")
        reject(shows.isna(), "show_id is not a whole number of at least 0")
        reject(ratings.isna() & ~unrated, "rating is not a number")
        reject(
            ~unrated & ~(ratings.between(LOWEST, HIGHEST) & (ratings % 1 == 0)),
            f"rating is not a whole number from {LOWEST} to {HIGHEST}",
        )
        reject(stamps.isna(), "rated_at is not a time")

        good = reasons == ""
        frame = pd.DataFrame(
            {
                c.EVENT_ID: raw[c.EVENT_ID],
                c.USER_ID: users,
                c.SHOW_ID: shows,
                c.RATING: ratings,
                c.RATED_AT: stamps,
                c.SOURCE: raw[c.SOURCE],
            }
        )[good].astype(DTYPES)
        rejected = raw[~good].assign(**{c.REASON: reasons[~good]})
        return cls(frame.reset_index(drop=True)), rejected
