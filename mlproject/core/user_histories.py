"""The port by which the service knows what each user has rated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mlproject.core.events import Place, RatingEvent
from mlproject.core.user_ratings import UserRatings


@dataclass(frozen=True, slots=True)
class Position:
    """How far ratings are known; by it a history can be made again.

    Every rating with an offset below ``offsets[partition]`` counts, and for one user also
    those at ``beyond``; no other. See :func:`mlproject.histories.past.history_at`.

    Parameters
    ----------
    generation
        Of the snapshot that these ratings began with; 0 = none.
    offsets
        By partition, the offset after the last rating known.
    beyond
        Partition and offset of the user's ratings that came through this process and that
        its stream has not come to yet; ascending.
    """

    generation: int
    offsets: Mapping[int, int]
    beyond: tuple[tuple[int, int], ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the position for JSON."""
        return {
            "snapshot": self.generation,
            "offsets": {str(partition): self.offsets[partition] for partition in self.offsets},
            "beyond": [list(place) for place in self.beyond],
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Position":
        """Read what :meth:`record` returned.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is no such record.
        """
        return cls(
            int(record["snapshot"]),
            {int(partition): int(offset) for partition, offset in record["offsets"].items()},
            tuple((int(partition), int(offset)) for partition, offset in record["beyond"]),
        )


@dataclass(frozen=True, slots=True)
class History:
    """What one user has rated, the show ids ascending, and at which position."""

    ratings: UserRatings
    position: Position


@dataclass(frozen=True, slots=True)
class HistoriesStatus:
    """How well histories are known, for ``/readyz`` and metrics.

    Parameters
    ----------
    is_loaded
        Whether there is anything to answer from: the snapshot, a copy of it on this
        machine, or the certainty that there is none yet.
    trouble
        What is wrong, in a sentence; empty = nothing.
    lag_seconds
        Since everything that had been sent was known; while it is at most 2, a rating
        counts within 2 s. Infinite before the first time.
    events_behind
        Ratings known to wait in the stream; None if that cannot be told.
    ratings, users
        In the files; ``live_ratings`` more may be of the same users and shows.
    live_ratings
        In this process's memory.
    passed_over
        Messages and rows that could not be read, since this process has started.
    size
        Bytes of the files, of which those are in memory that are read.
    """

    is_loaded: bool
    trouble: str
    lag_seconds: float
    events_behind: int | None
    ratings: int
    users: int
    live_ratings: int
    passed_over: int
    size: int = 0


class UserHistories(Protocol):
    """The latest rating of every user and show, within seconds of its being sent."""

    def start(self) -> None:
        """Take up what this machine has, and follow from now on; does not wait."""
        ...

    def of(self, user_id: int) -> History:
        """Return a user's history; one without ratings if the user is unknown.

        It takes microseconds and may be called from an event loop.
        """
        ...

    def add(self, event: RatingEvent, place: Place) -> None:
        """Let a rating count at once that came through this process and is durable."""
        ...

    @property
    def position(self) -> Position:
        """How far ratings are known."""
        ...

    @property
    def status(self) -> HistoriesStatus:
        """How well they are known."""
        ...

    def close(self) -> None:
        """Follow no more; what is known stays."""
        ...
