"""One suite for every log of single ratings: acknowledged is there, once, where it says."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from mlproject.batches.keys import BATCHES, SERVICE_PARTITION
from mlproject.batches.log import BatchRatingLog
from mlproject.core import columns as c
from mlproject.core.errors import UnavailableError
from mlproject.core.events import Place
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_log import RatingLog
from mlproject.events.codec import decode
from mlproject.events.schema import current_schema
from mlproject.kafka import log as kafka_log
from mlproject.kafka.log import KafkaRatingLog
from mlproject.objects.local import LocalStore
from mlproject.testing import MemoryRatingLog, MemoryStore
from tests.builders import event
from tests.mock_kafka import messages_of
from tests.servers import wait_until


class World(Protocol):
    """Where a log writes to, and what it has written."""

    def open(self) -> RatingLog: ...
    def open_in_vain(self) -> RatingLog:
        """Return a log whose server does not answer."""

    def written(self) -> dict[Place, str]:
        """Return the ids of events by their places."""


class Memory:
    """The fake."""

    def __init__(self) -> None:
        self.log = MemoryRatingLog()

    def open(self) -> RatingLog:
        self.log.trouble = None
        return self.log

    def open_in_vain(self) -> RatingLog:
        return MemoryRatingLog(trouble="the log is set to fail")

    def written(self) -> dict[Place, str]:
        return {Place("ratings", 0, n): each.event_id for n, each in enumerate(self.log.events)}


class Batches:
    """The log of batch objects."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def open(self) -> RatingLog:
        return BatchRatingLog(self.store, linger_seconds=0.001)

    def open_in_vain(self) -> RatingLog:
        return BatchRatingLog(MemoryStore(broken=True), linger_seconds=0.001)

    def written(self) -> dict[Place, str]:
        lines = [
            json.loads(line)
            for info in self.store.list(BATCHES)
            for line in (self.store.get(info.key) or b"").splitlines()
        ]
        return {
            Place("ratings", SERVICE_PARTITION, line["offset"]): line[c.EVENT_ID] for line in lines
        }


class Kafka:
    """The log of Kafka, against a mock cluster."""

    def __init__(self, servers: str, nobody: str, topic: str) -> None:
        self.servers = servers
        self.nobody = nobody
        self.topic = topic

    def open(self) -> RatingLog:
        return KafkaRatingLog(self.servers, self.topic, lambda: 1)

    def open_in_vain(self) -> RatingLog:
        return KafkaRatingLog(self.nobody, self.topic, lambda: 1)

    def written(self) -> dict[Place, str]:
        return {
            Place(self.topic, each.partition() or 0, each.offset() or 0): decode(
                each.value() or b"", lambda _: current_schema()
            )[c.EVENT_ID]
            for each in messages_of(self.servers, self.topic)
        }


@pytest.fixture(params=["fake", "memory", "local", "kafka"])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    if request.param == "fake":
        return Memory()
    if request.param == "memory":
        return Batches(MemoryStore())
    if request.param == "local":
        return Batches(LocalStore(tmp_path))
    monkeypatch.setattr(kafka_log, "DELIVERY_SECONDS", 2.0)
    names = ("broker", "nobody", "topic")
    return Kafka(*(request.getfixturevalue(name) for name in names))


def started(log: RatingLog) -> RatingLog:
    log.start()
    wait_until(lambda: log.trouble is None, 10, "the log is ready")
    return log


@pytest.fixture
def log(world: World) -> Iterator[RatingLog]:
    made = started(world.open())
    yield made
    made.close()


def test_an_acknowledged_event_is_where_the_answer_says(world: World, log: RatingLog) -> None:
    sent = [event(user) for user in range(20)]
    futures = [log.append(each) for each in sent]
    told = {future.result(10): each.event_id for future, each in zip(futures, sent, strict=True)}
    assert told == world.written()
    assert len(told) == 20


def test_many_may_append_at_the_same_time(world: World, log: RatingLog) -> None:
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda user: log.append(event(user)).result(10), range(80)))
    assert set(places) == set(world.written())
    assert len(set(places)) == 80


def test_the_ratings_of_a_user_keep_their_order(log: RatingLog) -> None:
    places = [log.append(event(7)).result(10) for _ in range(5)]
    assert len({(place.topic, place.partition) for place in places}) == 1
    assert [place.offset for place in places] == sorted({place.offset for place in places})


def test_another_process_goes_on_and_writes_over_nothing(world: World) -> None:
    places = []
    for _ in range(3):
        log = started(world.open())
        places.append(log.append(event(7)).result(10))
        log.close()
    assert set(places) == set(world.written())
    assert len(set(places)) == 3


def test_closing_makes_durable_what_was_taken_over(world: World, log: RatingLog) -> None:
    futures = [log.append(event(user)) for user in range(10)]
    log.close()
    assert {future.result(0) for future in futures} == set(world.written())


def test_after_closing_none_is_taken(log: RatingLog) -> None:
    for _ in range(2):
        log.close()
        with pytest.raises(UnavailableError, match="not taken: the service is stopping"):
            log.append(event())
        assert log.trouble == "the service is stopping"


def test_a_log_that_was_never_started_can_be_closed(world: World) -> None:
    log = world.open()
    log.close()
    assert log.trouble == "the service is stopping"


def test_nothing_runs_before_the_start_and_one_thread_after(world: World) -> None:
    before = set(threading.enumerate())
    log = world.open()
    assert set(threading.enumerate()) <= before
    for _ in range(3):
        log.start()
    assert len(set(threading.enumerate()) - before) <= 1
    log.close()


def test_who_forgets_to_start_it_is_served_all_the_same(world: World) -> None:
    log = world.open()
    # The first may come before it is ready.
    wait_until(lambda: taken(log), 10, "an event is taken")
    assert len(world.written()) == 1
    log.close()


def taken(log: RatingLog) -> bool:
    try:
        return log.append(event()).result(10) is not None
    except UnavailableError:
        return False


def test_nothing_is_acknowledged_that_is_not_written(world: World) -> None:
    log = world.open_in_vain()
    log.start()
    with pytest.raises(UnavailableError, match=r"the rating (was not taken|is not acknowledged)"):
        log.append(event()).result(10)
    log.close()
