"""What was shown to whom: the port by which the service notes it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

PRODUCTION: Final = "p"
CHALLENGER: Final = "c"
BOTH: Final = "b"


class Exposure(NamedTuple):
    """One answer, as it was shown.

    Parameters
    ----------
    user_id
        To whom.
    shown_at
        When, in milliseconds since 1970, UTC.
    version
        The version in production.
    shows
        Ids, best first: the place is the rank.
    challenger
        The version that took turns with it in this answer; 0 = none.
    teams
        Where two took turns, whose each show is: :data:`PRODUCTION`, :data:`CHALLENGER`, or
        :data:`BOTH` where they agreed.
    position
        Of the ratings that the answer was made from, as JSON; see
        :class:`~mlproject.core.user_histories.Position`.
    """

    user_id: int
    shown_at: int
    version: int
    shows: Sequence[int]
    challenger: int = 0
    teams: str = ""
    position: Mapping[str, Any] = MappingProxyType({})


class ExposureLog(Protocol):
    """Where exposures are noted, off the path of a request.

    An exposure is a sample: one that cannot be written is lost and counted, and nobody waits.
    """

    @property
    def lost(self) -> int:
        """How many were not written, since the process has started."""
        ...

    def start(self) -> None:
        """Begin to write."""
        ...

    def append(self, exposure: Exposure) -> None:
        """Take an exposure over; whoever calls does not wait until it is written."""
        ...

    def close(self) -> None:
        """Write what was taken over, within seconds, and take no more."""
        ...
