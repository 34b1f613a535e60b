"""Ratings as plain arrays: 41 bytes each, the form that scales to many millions."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.event_fields import ARRAY_TYPES, KINDS
from mlproject.core.rating_scale import RETRACTED, UNRATED


@dataclass(frozen=True, slots=True)
class RatingColumns:
    """Ratings as parallel arrays of shape ``(n,)``, in any order.

    Parameters
    ----------
    user_id, show_id
        int64, at least 0.
    rating
        int8, 1 to 10, or ``UNRATED`` or ``RETRACTED`` of the scale.
    rated_at
        int64, milliseconds since 1970, UTC.
    id_high, id_low
        uint64: the event id, see :func:`~mlproject.core.event_keys.event_keys`.
    """

    user_id: NDArray[np.int64]
    show_id: NDArray[np.int64]
    rating: NDArray[np.int8]
    rated_at: NDArray[np.int64]
    id_high: NDArray[np.uint64]
    id_low: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.user_id)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays, in the order of the parameters."""
        return tuple(getattr(self, field.name) for field in fields(self))

    @classmethod
    def unfilled(cls, rows: int) -> Self:
        """Return arrays of ``rows`` ratings whose values are yet to be written."""
        return cls(*(np.empty(rows, dtype=kind) for kind in COLUMN_TYPES.values()))

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """Join parts, keeping the order."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part.arrays for part in parts), strict=True)
        return cls(*map(np.concatenate, columns)) if parts else cls.unfilled(0)

    def standing(self) -> "RatingColumns":
        """Return the rows that were not taken back."""
        stands = self.rating != RETRACTED
        return self if stands.all() else self.take(stands)

    def take(self, chosen: NDArray[Any]) -> "RatingColumns":
        """Return the rows of an index array or of a mask."""
        return RatingColumns(*(array[chosen] for array in self.arrays))


def rating_of(event: Mapping[str, Any]) -> int:
    """Return how arrays hold what an event says of a show.

    Parameters
    ----------
    event
        As :func:`~mlproject.core.event_values.read_event` returns it.

    Examples
    --------
    >>> rating_of({"rating": 8, "retracted": None}), rating_of({"rating": None, "retracted": True})
    (8, 127)
    """
    if event[c.RETRACTED]:
        return RETRACTED
    rating: int | None = event[c.RATING]
    return UNRATED if rating is None else rating


COLUMN_TYPES: Final[dict[str, type[np.generic]]] = {
    # An id's two halves are not fields of an event.
    field.name: ARRAY_TYPES[KINDS[field.name]] if field.name in KINDS else np.uint64
    for field in fields(RatingColumns)
}
