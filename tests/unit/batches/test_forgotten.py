"""The list of the forgotten in the store."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mlproject.batches.forgotten import add_forgotten, read_forgotten
from mlproject.batches.keys import FORGOTTEN
from mlproject.core.errors import DataError, StoreUnavailableError
from mlproject.testing import MemoryStore


def test_nobody_is_forgotten_at_first(store: MemoryStore) -> None:
    assert len(read_forgotten(store)) == 0


def test_what_was_added_is_read(store: MemoryStore) -> None:
    add_forgotten(store, 7, 100)
    added = add_forgotten(store, 8, 200)
    assert read_forgotten(store) == added
    assert added.moment(7) == 100
    assert added.moment(8) == 200
    assert added.moment(9) is None


def test_to_add_again_moves_the_moment_forwards_only(store: MemoryStore) -> None:
    add_forgotten(store, 7, 100)
    assert add_forgotten(store, 7, 50).moment(7) == 100
    assert add_forgotten(store, 7, 150).moment(7) == 150


def test_several_at_once_lose_nobody(store: MemoryStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda user: add_forgotten(store, user, user), range(20)))
    found = read_forgotten(store)
    assert [found.moment(user) for user in range(20)] == list(range(20))


def test_a_list_that_others_change_all_the_time_is_given_up(store: MemoryStore) -> None:
    class Busy(MemoryStore):
        def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
            return False

    with pytest.raises(StoreUnavailableError, match="too many others"):
        add_forgotten(Busy(), 7, 100)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"salt": "x", "until": {}, "prints": []}', b'{"salt": "00", "until": 1}'],
)
def test_a_damaged_list_is_no_empty_one(store: MemoryStore, content: bytes) -> None:
    store.put(FORGOTTEN, content)
    with pytest.raises(DataError, match="forgotten users, is damaged"):
        read_forgotten(store)
