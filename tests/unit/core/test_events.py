"""The names of events are good UUIDs, and a function of what they name."""

from uuid import RFC_4122, UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.events import event_ids, new_event_id

NOW_MS = 1_735_689_600_000
GOLDEN = [
    "00000000-0000-73f1-9cdf-4c3d3ccb3848",
    "01941f29-7c00-7647-ab51-4854daf61d79",
]

milliseconds = st.integers(0, 2**48 - 1)
positions = st.integers(0, 2**62)
seeds = st.integers(0, 2**63 - 1)


def one_id(at: int, position: int, seed: int) -> str:
    (name,) = event_ids(np.array([at]), np.array([position]), seed)
    return name


@given(milliseconds, positions, seeds)
def test_an_id_is_a_uuid_of_version_7_with_its_time(at: int, position: int, seed: int) -> None:
    name = one_id(at, position, seed)
    uuid = UUID(name)
    assert str(uuid) == name
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert uuid.int >> 80 == at


@given(milliseconds, positions, seeds)
def test_an_id_does_not_depend_on_its_neighbours(at: int, position: int, seed: int) -> None:
    block = event_ids(np.array([0, at, NOW_MS]), np.array([5, position, 9]), seed)
    assert block[1] == one_id(at, position, seed)


def test_the_ids_of_a_position_never_change() -> None:
    """A replay after an update of this package must not send everything anew."""
    assert event_ids(np.array([0, NOW_MS]), np.array([0, 1]), seed=42) == GOLDEN


def test_100_000_positions_have_as_many_ids() -> None:
    """All in one millisecond."""
    assert len(set(event_ids(np.full(100_000, NOW_MS), np.arange(100_000), seed=42))) == 100_000


def test_streams_of_neighbouring_seeds_share_no_id() -> None:
    at, places = np.full(30_000, NOW_MS), np.arange(30_000)
    assert not {*event_ids(at, places, seed=42)} & {*event_ids(at, places, seed=43)}


@given(st.lists(milliseconds, unique=True, min_size=2), seeds)
def test_ids_are_ordered_by_time(times: list[int], seed: int) -> None:
    at = np.sort(np.array(times))
    names = event_ids(at, np.arange(len(at))[::-1], seed)
    assert names == sorted(names)


def test_no_events_have_no_ids() -> None:
    assert event_ids(np.array([], dtype=np.int64), np.array([], dtype=np.int64), seed=1) == []


@given(milliseconds)
def test_a_new_id_is_a_uuid_of_version_7_with_its_time(at: int) -> None:
    uuid = UUID(new_event_id(at))
    assert (uuid.version, uuid.variant) == (7, RFC_4122)
    assert uuid.int >> 80 == at


def test_new_ids_differ_within_a_millisecond() -> None:
    assert len({new_event_id(NOW_MS) for _ in range(10_000)}) == 10_000
