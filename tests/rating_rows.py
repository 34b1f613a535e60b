"""Ratings as rows, for tests of the snapshot."""

import random
from uuid import UUID

import numpy as np
from hypothesis import strategies as st

from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import RETRACTED
from mlproject.core.ratings import RatingFrame
from mlproject.testing import MemoryStore
from tests import builders

# user, show, rating (0 = none, RETRACTED = taken back), rated_at in ms, event id as two halves
Row = tuple[int, int, int, int, int, int]

RATINGS = (*range(11), RETRACTED)
# Few users, shows and times, so that rows meet; a repeated event id too.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 4),
        st.sampled_from(RATINGS),
        st.integers(-2, 2),
        st.sampled_from([0, 1, 2**64 - 1]),
        st.sampled_from([0, 1, 2**63, 2**64 - 1]),
    ),
    max_size=40,
)


def columns(rows: list[Row]) -> RatingColumns:
    user, show, rating, at, high, low = zip(*rows, strict=True) if rows else ((),) * 6
    return RatingColumns(
        user_id=np.array(user, dtype=np.int64),
        show_id=np.array(show, dtype=np.int64),
        rating=np.array(rating, dtype=np.int8),
        rated_at=np.array(at, dtype=np.int64),
        id_high=np.array(high, dtype=np.uint64),
        id_low=np.array(low, dtype=np.uint64),
    )


def rows(ratings: RatingColumns) -> list[Row]:
    return list(zip(*(array.tolist() for array in ratings.arrays), strict=True))


def winners(of: list[Row]) -> list[Row]:
    """What the snapshot must be, said as plainly as can be."""
    best: dict[tuple[int, int], Row] = {}
    for row in of:
        _, _, rating, at, high, low = row
        held = best.get(row[:2])
        if held is None or (at, high, low, rating) > (held[3], held[4], held[5], held[2]):
            best[row[:2]] = row
    return [best[pair] for pair in sorted(best)]


def standing(of: list[Row]) -> list[Row]:
    """What a history must be: the winners that were not taken back."""
    return [row for row in winners(of) if row[2] != RETRACTED]


def batch(*rows_: Row) -> bytes:
    """Return a Parquet batch of rows with times of at least 0, as of a file without times."""
    frame = builders.ratings(
        len(rows_),
        event_id=[str(UUID(int=row[4] << 64 | row[5])) for row in rows_],
        user_id=[row[0] for row in rows_],
        show_id=[row[1] for row in rows_],
        rating=[row[2] % RETRACTED or None for row in rows_],
        retracted=[row[2] == RETRACTED for row in rows_],
        rated_at=[row[3] for row in rows_],
        source="REPLAYED",
    )
    return encode_ratings(frame)


def put(store: MemoryStore, partition: int, offset: int, count: int = 10, first: int = 0) -> str:
    """Store a batch of ``count`` events of the stream from ``first``; return its key."""
    key = str(BatchKey(partition, offset))
    store.put(key, encode_ratings(builders.ratings(count, first=first or offset)))
    return key


def many(count: int, seed: int, users: int = 50, shows: int = 30) -> RatingFrame:
    """Return random ratings, many pairs more than once, out of order."""
    rng = random.Random(seed)
    return builders.ratings(
        count,
        event_id=[str(UUID(int=rng.getrandbits(128))) for _ in range(count)],
        user_id=[rng.randrange(users) for _ in range(count)],
        show_id=[rng.randrange(shows) for _ in range(count)],
        rating=[rng.choice([None, *range(1, 11)]) for _ in range(count)],
        retracted=[rng.random() < 0.1 for _ in range(count)],
        rated_at=[rng.randrange(10**6) for _ in range(count)],
        source="REPLAYED",
    )
