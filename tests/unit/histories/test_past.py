"""A history at a position is made again from the bucket."""

import gzip
import json

import pytest

from mlproject.batches.keys import BatchKey
from mlproject.core.errors import UnavailableError
from mlproject.core.user_histories import Position
from mlproject.core.user_ratings import UserRatings
from mlproject.histories.past import history_at
from mlproject.testing import MemoryStore
from tests import builders
from tests.rating_rows import batch
from tests.unit.histories.conftest import World, record

pytestmark = builders.PYARROW_AND_PANDAS


def told(ratings: UserRatings) -> dict[int, int]:
    return dict(zip(ratings.show_ids.tolist(), ratings.ratings.tolist(), strict=True))


def test_a_snapshot_up_to_the_position_is_gone_on_from(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1), (2, 20, 5, 100, 0, 2))
    world.ingest()
    assert isinstance(world.store, MemoryStore)
    first = next(info.key for info in world.store.list("topics/"))
    world.store.objects[first] += b" "  # to be read again, were it read
    world.batch((1, 10, 9, 200, 0, 3), (1, 30, 7, 200, 0, 4))
    assert told(history_at(world.store, Position(1, {0: 4}), 1)) == {10: 9, 30: 7}


def test_a_snapshot_past_the_position_is_not_used(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    world.batch((1, 10, 9, 200, 0, 3))
    world.ingest()
    assert told(history_at(world.store, Position(1, {0: 1}), 1)) == {10: 5}
    assert told(history_at(world.store, Position(0, {}), 1)) == {}


def test_a_position_within_a_batch_of_connects_is_exact(store: MemoryStore) -> None:
    rows = [(1, show, 5, 100, 0, show) for show in range(4)]
    # Kafka skips offsets: two of them went to the dead letters.
    lines = [
        json.dumps({**record(row), "offset": offset})
        for row, offset in zip(rows, (0, 1, 4, 5), strict=True)
    ]
    store.put(str(BatchKey(0, 0, "jsonl.gz")), gzip.compress("\n".join(lines).encode()))
    assert sorted(told(history_at(store, Position(0, {0: 4}), 1))) == [0, 1]
    assert sorted(told(history_at(store, Position(0, {0: 5}), 1))) == [0, 1, 2]
    assert sorted(told(history_at(store, Position(0, {0: 1}, ((0, 5),)), 1))) == [0, 3]


def test_parquet_batches_are_read_too(store: MemoryStore) -> None:
    store.put(str(BatchKey(0, 0)), batch((1, 10, 5, 100, 0, 1), (1, 11, 0, 100, 2**63, 2)))
    assert told(history_at(store, Position(0, {0: 1}), 1)) == {10: 5}
    assert told(history_at(store, Position(0, {0: 2}), 1)) == {10: 5, 11: 0}


def test_batches_that_are_yet_to_come_are_said(world: World) -> None:
    world.batch((1, 10, 5, 100, 0, 1))
    with pytest.raises(UnavailableError, match=r"go up to offset 1, and the answer knew .* to 3"):
        history_at(world.store, Position(0, {0: 3}), 1)


def test_a_position_comes_back_from_json() -> None:
    position = Position(3, {0: 12, 1000: 4}, ((1000, 5),))
    assert Position.of_record(json.loads(json.dumps(position.record()))) == position
