"""The log writes what was shown, beside the requests, and loses only what it counts."""

import pytest

from mlproject.batches.forgotten import add_forgotten
from mlproject.exposures.log import StoredExposureLog
from mlproject.exposures.records import EXPOSURES
from mlproject.exposures.stored import read_exposures
from mlproject.testing import MemoryStore
from tests.servers import wait_until
from tests.unit.exposures.conftest import exposure

DAY_SECONDS = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.seconds = 100 * DAY_SECONDS

    def __call__(self) -> float:
        return self.seconds


def log_of(store: MemoryStore, clock: Clock | None = None, most: int = 100) -> StoredExposureLog:
    return StoredExposureLog(
        store, kept_days=30, flush_seconds=0.01, most_waiting=most, now=clock or Clock()
    )


def users(store: MemoryStore) -> list[int]:
    return [each.user_id for each in read_exposures(store)]


def test_what_was_shown_is_written_while_it_runs_and_at_the_end(store: MemoryStore) -> None:
    log = log_of(store)
    log.start()
    log.append(exposure(1))
    wait_until(lambda: users(store) == [1], 10, "it is written")
    log.append(exposure(2))
    log.close()
    assert sorted(users(store)) == [1, 2]
    assert log.lost == 0


def test_nothing_is_written_for_nothing(store: MemoryStore) -> None:
    log_of(store).flush()
    assert store.objects == {}


def test_too_many_are_lost_and_counted(store: MemoryStore) -> None:
    log = log_of(store, most=3)
    for user in range(5):
        log.append(exposure(user))
    log.flush()
    assert users(store) == [2, 3, 4]
    assert log.lost == 2


def test_a_store_that_is_away_is_told_once_and_counted(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.broken = True
    log = log_of(store)
    log.start()
    log.append(exposure(1))
    wait_until(lambda: log.lost == 1, 10, "it is written")
    log.append(exposure(2))
    wait_until(lambda: log.lost == 2, 10, "it is written")
    store.broken = False
    log.append(exposure(3))
    log.close()
    assert users(store) == [3]
    assert caplog.text.count("exposures are lost") == 1


def test_whoever_is_forgotten_meanwhile_is_not_written(store: MemoryStore) -> None:
    log = log_of(store)
    log.append(exposure(1, at=1000))
    log.append(exposure(1, at=3000))
    log.append(exposure(2, at=1000))
    add_forgotten(store, 1, 2000)
    log.flush()
    assert [(each.user_id, each.shown_at) for each in read_exposures(store)] == [
        (1, 3000),
        (2, 1000),
    ]


def test_nor_who_is_forgotten_in_the_moment_of_writing() -> None:
    class Late(MemoryStore):
        def put(self, key: str, content: bytes) -> None:
            super().put(key, content)
            if key.startswith(EXPOSURES):
                add_forgotten(self, 1, 2000)

    store = Late()
    log = log_of(store)
    log.append(exposure(1))
    log.append(exposure(2))
    log.flush()
    assert users(store) == [2]


def test_old_ones_are_deleted_once_a_day(store: MemoryStore) -> None:
    clock = Clock()
    log = log_of(store, clock)
    log.append(exposure(1))
    log.flush()
    clock.seconds += 31 * DAY_SECONDS
    log.append(exposure(2))
    log.flush()
    assert users(store) == [2]
