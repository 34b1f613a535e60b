"""What every adapter that knows what users have rated promises, and its fake."""

from pathlib import Path

import numpy as np
import pytest

from mlproject.batches.follow import BatchStream
from mlproject.batches.log import BatchRatingLog
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.user_histories import UserHistories
from mlproject.histories.copies import Copies
from mlproject.histories.followed import FollowedHistories, Limits
from mlproject.testing import MemoryHistories, MemoryStore
from tests.servers import wait_until

NOW = 1_735_689_600_000


@pytest.fixture(params=["followed", "memory"])
def histories(request: pytest.FixtureRequest, tmp_path: Path, store: MemoryStore) -> UserHistories:
    if request.param == "memory":
        return MemoryHistories()
    copies = Copies(tmp_path, store.uri)
    return FollowedHistories(store, BatchStream(store), copies, Limits(poll_seconds=0.01))


def event(show: int, rating: int, at: int = 1000) -> RatingEvent:
    return RatingEvent(new_event_id(at), 1, show, rating, at, EventSource.SERVICE)


def test_what_is_rated_counts_at_once_and_stays(
    histories: UserHistories, store: MemoryStore
) -> None:
    histories.start()
    wait_until(lambda: histories.status.is_loaded, 10, "the histories")
    log = BatchRatingLog(store, linger_seconds=0)
    for number, (show, rating) in enumerate([(20, 5), (10, 7), (20, 9)]):
        sent = event(show, rating, at=NOW + number)
        histories.add(sent, log.append(sent).result(10))
        assert len(histories.of(1).ratings) == min(number + 1, 2)
    log.close()

    def told() -> tuple[list[int], list[int]]:
        ratings = histories.of(1).ratings
        return ratings.show_ids.tolist(), ratings.ratings.tolist()

    assert told() == ([10, 20], [7, 9])
    wait_until(lambda: histories.position.offsets.get(1000) == 3, 10, "the position")
    assert told() == ([10, 20], [7, 9])
    assert histories.of(1).position == histories.position
    histories.close()
    assert told() == ([10, 20], [7, 9])


def test_an_unknown_user_has_a_history_without_ratings(histories: UserHistories) -> None:
    ratings = histories.of(99).ratings
    assert (len(ratings), ratings.show_ids.dtype, ratings.ratings.dtype) == (0, np.int64, np.int8)
