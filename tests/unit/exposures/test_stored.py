"""Exposures in the store are read by day, forgotten by user, deleted by age."""

from datetime import date

import pytest

from mlproject.core.forgotten import NOBODY
from mlproject.exposures.records import EXPOSURES, encode, new_key
from mlproject.exposures.stored import clean, read_exposures, remove_before, remove_forgotten
from mlproject.testing import MemoryStore
from tests.unit.exposures.conftest import exposure

DAY = 86_400_000


def put(store: MemoryStore, *users: int, day: int = 0) -> str:
    key = new_key(day * DAY)
    store.put(key, encode(exposure(user, day * DAY + user) for user in users))
    return key


def users(store: MemoryStore, since: date | None = None) -> list[int]:
    return [each.user_id for each in read_exposures(store, since)]


def test_they_are_read_from_a_day_on(store: MemoryStore) -> None:
    put(store, 1, 2)
    put(store, 3, day=1)
    put(store, 4, day=2)
    store.put(f"{EXPOSURES}a-note", b"of somebody else")
    assert users(store) == [1, 2, 3, 4]
    assert users(store, date(1970, 1, 2)) == [3, 4]


def test_what_is_damaged_is_passed_over(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    key = put(store, 1)
    store.put(key, b"damaged")
    put(store, 2, day=1)
    assert users(store) == [2]
    assert key in caplog.text


def test_the_forgotten_leave_and_the_others_stay(store: MemoryStore) -> None:
    put(store, 1, 2, 1)
    later = put(store, 1, day=1)
    put(store, 3)
    assert remove_forgotten(store, NOBODY.adding(1, 5000)) == 2
    assert sorted(users(store)) == [1, 2, 3]
    assert users(store, date(1970, 1, 2)) == [1], "what was shown later stays"
    assert remove_forgotten(store, NOBODY.adding(1, DAY + 5000)) == 1
    assert later in store.objects


def test_a_damaged_object_is_removed_since_nobody_knows_whose_it_is(store: MemoryStore) -> None:
    key = put(store, 1)
    store.put(key, b"damaged")
    assert clean(store, key, NOBODY.adding(1, 0)) == 0
    assert store.objects == {}


def test_old_days_are_deleted(store: MemoryStore) -> None:
    for day in range(4):
        put(store, day, day=day)
    store.put(f"{EXPOSURES}zzz", b"of somebody else")
    assert remove_before(store, date(1970, 1, 3)) == 2
    assert users(store) == [2, 3]
