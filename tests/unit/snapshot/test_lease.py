"""A lease is held by one at a time, and goes with time."""

import json

import pytest

from mlproject.core.errors import AlreadyRunningError
from mlproject.snapshot.lease import Timing, lease
from mlproject.testing import MemoryStore


class Hands:
    """A clock that moves only when someone sleeps, and lets others act meanwhile."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.meanwhile = lambda: None

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.meanwhile()

    @property
    def timing(self) -> Timing:
        return Timing(seconds=60, settle_seconds=1, now=lambda: self.time, sleep=self.sleep)


def test_it_is_there_while_held_and_gone_after(store: MemoryStore) -> None:
    with lease(store, "lease", Hands().timing) as renew:
        renew()
        assert list(store.objects) == ["lease"]
    assert store.objects == {}


def test_a_second_is_refused(store: MemoryStore) -> None:
    hands = Hands()
    with lease(store, "lease", hands.timing):
        second = lease(store, "lease", hands.timing)
        with pytest.raises(AlreadyRunningError, match="another ingest works on memory://"), second:
            pass
        assert list(store.objects) == ["lease"], "the loser leaves the holder's lease"


def test_that_of_a_killed_holder_runs_out(store: MemoryStore) -> None:
    hands = Hands()
    store.put("lease", json.dumps({"holder": "dead", "expires": hands.time + 60}).encode())
    with pytest.raises(AlreadyRunningError), lease(store, "lease", hands.timing):
        pass
    hands.time += 61
    with lease(store, "lease", hands.timing):
        pass


def test_of_two_that_ask_at_once_the_last_writer_holds_it(store: MemoryStore) -> None:
    hands = Hands()
    other = json.dumps({"holder": "other", "expires": hands.time + 60}).encode()
    hands.meanwhile = lambda: store.put("lease", other)
    with pytest.raises(AlreadyRunningError), lease(store, "lease", hands.timing):
        pass
    assert store.get("lease") == other


def test_who_has_lost_it_learns_so_when_renewing(store: MemoryStore) -> None:
    hands = Hands()
    with lease(store, "lease", hands.timing) as renew:
        hands.time += 61
        with pytest.raises(AlreadyRunningError):
            renew()


def test_renewing_makes_it_last(store: MemoryStore) -> None:
    hands = Hands()
    with lease(store, "lease", hands.timing) as renew:
        for _ in range(5):
            hands.time += 40
            renew()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"holder": 1}', b"3"])
def test_a_damaged_one_is_nobodys(store: MemoryStore, content: bytes) -> None:
    store.put("lease", content)
    with lease(store, "lease", Hands().timing):
        pass
