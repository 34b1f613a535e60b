"""A log of ratings and histories in memory."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from mlproject.core.errors import UnavailableError
from mlproject.core.events import Place, RatingEvent
from mlproject.core.topics import TOPIC
from mlproject.core.user_histories import HistoriesStatus, History, Position
from mlproject.core.user_ratings import UserRatings


@dataclass
class MemoryRatingLog:
    """Single ratings in a list, each durable at once; with ``trouble`` none is taken."""

    events: list[RatingEvent] = field(default_factory=list)
    trouble: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self) -> None:
        """Do nothing: there is nobody to wait for."""

    def append(self, event: RatingEvent) -> "Future[Place]":
        """Keep an event, or raise UnavailableError with the trouble."""
        with self._lock:
            if self.trouble:
                raise UnavailableError(f"the rating was not taken: {self.trouble}")
            self.events.append(event)
            future: Future[Place] = Future()
            future.set_result(Place(TOPIC, 0, len(self.events) - 1))
            return future

    def close(self) -> None:
        """Take no more."""
        self.trouble = "the service is stopping"


@dataclass
class MemoryHistories:
    """Ratings in a dictionary by user and show; those that were added count at once."""

    ratings: dict[int, dict[int, int]] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)
    is_loaded: bool = True
    trouble: str = ""

    def start(self) -> None:
        """Do nothing: there is nothing to follow."""

    def of(self, user_id: int) -> History:
        """Return a user's history, the show ids ascending."""
        shows = sorted(self.ratings.get(user_id, {}).items())
        ratings = UserRatings(
            np.array([show for show, _ in shows], dtype=np.int64),
            np.array([rating for _, rating in shows], dtype=np.int8),
        )
        return History(ratings, self.position)

    def add(self, event: RatingEvent, place: Place) -> None:
        """Let a rating count."""
        shows = self.ratings.setdefault(event.user_id, {})
        if event.retracted:
            shows.pop(event.show_id, None)
        else:
            shows[event.show_id] = event.rating or 0
        end = max(self.offsets.get(place.partition, 0), place.offset + 1)
        self.offsets[place.partition] = end

    @property
    def position(self) -> Position:
        """How far ratings are known."""
        return Position(0, dict(self.offsets))

    @property
    def status(self) -> HistoriesStatus:
        """Return what ``is_loaded`` and ``trouble`` say."""
        return HistoriesStatus(
            is_loaded=self.is_loaded,
            trouble=self.trouble,
            lag_seconds=0,
            events_behind=0,
            ratings=sum(map(len, self.ratings.values())),
            users=len(self.ratings),
            live_ratings=0,
            passed_over=0,
        )

    def close(self) -> None:
        """Do nothing."""
