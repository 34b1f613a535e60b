"""From the snapshot to matrices, against LightFM's own Dataset fed row by row."""

import argparse
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from lightfm.data import Dataset

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.ids import IdMap
from mlproject.core.rating_columns import RatingColumns
from mlproject.dataset.matrices import interactions
from mlproject.snapshot.state import RatingsState

SHOWS, PER_USER = 12_000, 100


def state_of(count: int) -> RatingsState:
    """Return ``count`` ratings, 100 a user."""
    rng = np.random.default_rng(1)
    stride = SHOWS // PER_USER
    places = np.tile(np.arange(PER_USER), count // PER_USER) * stride
    return RatingsState.of_sorted(
        RatingColumns(
            user_id=np.repeat(np.arange(count // PER_USER), PER_USER),
            show_id=places + rng.integers(0, stride, count),
            rating=rng.integers(0, 11, count).astype(np.int8),
            rated_at=np.zeros(count, dtype=np.int64),
            id_high=np.zeros(count, dtype=np.uint64),
            id_low=np.arange(count, dtype=np.uint64),
        )
    )


def by_arrays(state: RatingsState, catalogue: Catalogue) -> tuple[float, int]:
    """Return the seconds that interactions and their matrix take, and the cells."""
    started = time.perf_counter()
    found, _ = interactions(state.ratings, catalogue)
    matrix = found.matrix(found.ratings, np.ones(len(found), dtype=np.bool_))
    return time.perf_counter() - started, matrix.nnz


def by_rows(state: RatingsState, catalogue: Catalogue) -> tuple[float, int]:
    """Return the same for LightFM's way."""
    ratings = state.ratings
    frame = pd.DataFrame(
        {c.USER_ID: ratings.user_id, c.SHOW_ID: ratings.show_id, c.RATING: ratings.rating}
    )
    started = time.perf_counter()
    dataset = Dataset()
    dataset.fit(users=frame[c.USER_ID].unique(), items=catalogue.frame[c.SHOW_ID])
    cells, _ = dataset.build_interactions(frame.itertuples(index=False, name=None))
    cells.tocsr()
    return time.perf_counter() - started, cells.nnz


def main() -> None:
    """Print ratings a second of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=10_000_000, help="how many (10000000)")
    parser.add_argument("--slice", type=int, default=500_000, help="for LightFM's way (500000)")
    given = parser.parse_args()
    raw = pd.DataFrame({c.SHOW_ID: np.arange(SHOWS), c.TITLE: "a title"})
    catalogue, _ = Catalogue.validated(raw)
    state, part = state_of(given.ratings), state_of(given.slice)
    far_ids = replace(state, show_ids=IdMap.of([2**40]).ids)

    seconds, cells = min(by_arrays(state, catalogue) for _ in range(3))
    assert cells == given.ratings
    searched, _ = min(by_arrays(far_ids, catalogue) for _ in range(3))
    slow, cells = by_rows(part, catalogue)
    assert cells == given.slice
    ours, theirs = given.ratings / seconds, given.slice / slow
    print(f"{'':40}{'ratings':>12}{'seconds':>9}{'ratings/s':>13}")
    print(f"{'arrays':40}{given.ratings:12,}{seconds:9.2f}{ours:13,.0f}")
    name = "arrays, show ids beyond the table"
    print(f"{name:40}{given.ratings:12,}{searched:9.2f}{given.ratings / searched:13,.0f}")
    print(f"{'LightFM Dataset, row by row':40}{given.slice:12,}{slow:9.2f}{theirs:13,.0f}")
    print(f"ratio: {ours / theirs:.0f}")


if __name__ == "__main__":
    main()
