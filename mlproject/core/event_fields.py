"""The fields of a rating event: the one table that the rest is derived from.

It says what the Avro schema ``events/schemas/show_rated.avsc`` says, and a test holds it to
that. Derived from it are the types of :class:`~mlproject.core.ratings.RatingFrame`, the
arrays of :class:`~mlproject.core.rating_columns.RatingColumns`, what batches hold as Parquet
and as JSON lines, what is encoded for Kafka, and what is checked on the way in. To add an
optional field, add it to the schema and to this table.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from mlproject.core import columns as c
from mlproject.core.rating_scale import HIGHEST, LOWEST


class Kind(Enum):
    """What values a field takes, and what is said of a value that it does not take."""

    TEXT = "text"
    """Any text."""
    SYMBOL = "symbol"
    """The name of one of a few things; readers do not judge it."""
    WHOLE = "a whole number of at least 0"
    """An int64."""
    SCORE = f"a whole number from {LOWEST} to {HIGHEST}"
    """An int8."""
    INSTANT = "a time"
    """Milliseconds since 1970, UTC."""
    FLAG = "true or false"
    """A bool; texts and numbers are none."""


@dataclass(frozen=True, slots=True)
class EventField:
    """A field of an event.

    Parameters
    ----------
    name
        As the schema and every batch spell it.
    kind
        What values it takes.
    is_optional
        Whether an event may be without a value.
    since
        The version of the schema that brought it: older batches do not have it, so from
        version 2 on it is optional.
    """

    name: str
    kind: Kind
    is_optional: bool = False
    since: int = 1

    @property
    def fault(self) -> str:
        """Why a row with another value is rejected."""
        if self.kind is Kind.TEXT:
            return f"no {self.name}"
        return f"{self.name} is not {self.kind.value}"


EVENT_FIELDS: Final = (
    EventField(c.EVENT_ID, Kind.TEXT),
    EventField(c.USER_ID, Kind.WHOLE),
    EventField(c.SHOW_ID, Kind.WHOLE),
    EventField(c.RATING, Kind.SCORE, is_optional=True),
    EventField(c.RATED_AT, Kind.INSTANT),
    EventField(c.SOURCE, Kind.SYMBOL),
    EventField(c.RETRACTED, Kind.FLAG, is_optional=True, since=2),
)

NAMES: Final = tuple(field.name for field in EVENT_FIELDS)
KINDS: Final = {field.name: field.kind for field in EVENT_FIELDS}
JUDGED: Final = tuple(field for field in EVENT_FIELDS if field.kind is not Kind.SYMBOL)
"""The fields by which a row is good or bad."""
NEEDED: Final = tuple(field.name for field in EVENT_FIELDS if field.since == 1)
"""The columns that any table of events has."""

ARRAY_TYPES: Final[dict[Kind, type[np.generic]]] = {
    Kind.WHOLE: np.int64,
    Kind.SCORE: np.int8,
    Kind.INSTANT: np.int64,
    Kind.FLAG: np.bool_,
}
"""The types in which numbers are held in memory."""


SHORTENED: Final = (
    "{} was shortened to a float, as Excel and pandas do; write ids as whole numbers or as text"
)
"""Why a row is rejected whose id is no longer exact, with its column's name."""
OUT_OF_TIME: Final = "{} is before 1990 or after tomorrow"
"""Why a row is rejected whose time cannot be, with its column's name."""


def not_a_number(field: EventField) -> str:
    """Return why a row is rejected whose score is not even a number."""
    return f"{field.name} is not a number"
