"""From a request to a durable event."""

import asyncio
import time
from concurrent.futures import Future
from uuid import UUID

import pytest

from mlproject.core.errors import UnavailableError
from mlproject.core.events import EventSource, Place
from mlproject.serving.rating import event_of, rate_now
from mlproject.serving.requests import RateRequest

ASKED = RateRequest(user_id=1, show_id=2, rating=8)


class Log:
    """Takes events and acknowledges none."""

    def __init__(self) -> None:
        self.future: Future[Place] = Future()

    def append(self, event: object) -> "Future[Place]":
        return self.future

    def close(self) -> None: ...


def test_an_event_is_made_now_by_the_service() -> None:
    before = time.time() * 1000 - 1
    event = event_of(ASKED)
    assert before <= event.rated_at_ms <= time.time() * 1000
    assert (event.user_id, event.show_id, event.rating) == (1, 2, 8)
    assert event.source is EventSource.SERVICE
    assert UUID(event.event_id).int >> 80 == event.rated_at_ms


def test_what_is_durable_has_a_place() -> None:
    log = Log()
    log.future.set_result(Place("ratings", 3, 14))
    assert asyncio.run(rate_now(log, event_of(ASKED))) == Place("ratings", 3, 14)


def test_without_an_acknowledgement_the_wait_is_bounded_and_the_event_is_taken_back() -> None:
    log = Log()
    with pytest.raises(UnavailableError, match=r"within 0\.05 s; it may still arrive, so send"):
        asyncio.run(rate_now(log, event_of(ASKED), answer_seconds=0.05))
    assert log.future.cancelled()
