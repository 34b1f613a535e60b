"""A small world: a store with batches, and processes that follow it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from mlproject.batches.follow import BatchStream
from mlproject.batches.keys import BatchKey
from mlproject.core.events import EventSource, Place, RatingEvent
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_scale import RETRACTED
from mlproject.histories.copies import Copies
from mlproject.histories.followed import FollowedHistories, Limits
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryStore
from tests.rating_rows import Row


@dataclass
class World:
    """One store, one machine. ``clock`` is what the processes' clocks show."""

    folder: Path
    store: ObjectStore = field(default_factory=MemoryStore)
    ends: dict[int, int] = field(default_factory=dict)
    clock: float = 1000.0

    def batch(self, *rows: Row, partition: int = 0) -> None:
        """Write ratings as the next batch of a partition."""
        first = self.ends.get(partition, 0)
        lines = [json.dumps(record(row)) for row in rows]
        self.store.put(str(BatchKey(partition, first, "jsonl")), "\n".join(lines).encode())
        self.ends[partition] = first + len(rows)

    def ingest(self) -> None:
        ingest(self.store)

    def process(self, live_ratings: int = 1000) -> FollowedHistories:
        """A process that is not started: its rounds are the test's."""
        return FollowedHistories(
            self.store,
            BatchStream(self.store, self.now, lambda _: None),
            Copies(self.folder / "histories", self.store.uri),
            Limits(live_ratings, poll_seconds=0),
            self.now,
        )

    def now(self) -> float:
        return self.clock


def record(row: Row) -> dict[str, object]:
    user, show, rating, at, high, low = row
    return {
        "event_id": str(UUID(int=high << 64 | low)),
        "user_id": user,
        "show_id": show,
        "rating": rating % RETRACTED or None,
        "retracted": True if rating == RETRACTED else None,
        "rated_at": at,
        "source": "REPLAYED",
    }


def event(row: Row) -> RatingEvent:
    user, show, rating, at, high, low = row
    event_id = str(UUID(int=high << 64 | low))
    is_gone = rating == RETRACTED
    given = None if is_gone else rating or None
    return RatingEvent(event_id, user, show, given, at, EventSource.REPLAYED, retracted=is_gone)


def place(partition: int, offset: int) -> Place:
    return Place("ratings", partition, offset)


def settle(histories: FollowedHistories) -> None:
    """Do rounds until a copy that is due is written and taken up."""
    for _ in range(3):
        histories.turn()
        if histories._writer is not None:
            histories._writer.join()
            histories._take_up_newer()


def known(histories: FollowedHistories, users: int = 6) -> list[tuple[int, int, int]]:
    """User, show and rating of everything known."""
    found = []
    for user in range(users):
        ratings = histories.of(user).ratings
        found += [
            (user, show, rating)
            for show, rating in zip(
                ratings.show_ids.tolist(), ratings.ratings.tolist(), strict=True
            )
        ]
    return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[], World]:
    return lambda: World(tmp_path)
