"""An index of shows: what it gives is scored by the model, allowed, and nearly the best."""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.histories import Histories
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k
from mlproject.models import vector_index
from mlproject.models.factors import Factors
from mlproject.models.linear import Linear
from mlproject.models.vector_index import VectorIndex
from tests.builders import model

SHOWS, D, TASTES = 30_000, 16, 300
RANDOM = np.random.default_rng(1)
# As in a catalogue, shows are like some others: a few hundred kinds, and noise.
VECTORS = RANDOM.normal(size=(TASTES, D))[np.arange(SHOWS) % TASTES]
VECTORS = (VECTORS + 0.4 * RANDOM.normal(size=VECTORS.shape)).astype(np.float16)
# A history's taste is the mean of its vectors.
MEAN = np.tile(np.eye(2 * D + 2, D, k=-D, dtype=np.float32), (2, 1))
FACTORS = Factors(VECTORS, RANDOM.normal(size=SHOWS).astype(np.float32), MEAN)
NOTHING = np.empty(0, dtype=np.int64)


VERSION = replace(model(range(SHOWS)), model=FACTORS)


@pytest.fixture(scope="module")
def index() -> VectorIndex:
    made = VectorIndex.of(VERSION)
    assert made is not None
    return made


def history(*rows: int) -> Histories:
    return Histories.of_one(np.array(rows, dtype=np.int32), np.ones(len(rows), dtype=np.float32))


def scores(one: Histories, hidden: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    found = FACTORS.scores(one)[0]
    found[hidden] = -np.inf
    if allowed is not None:
        found[~allowed] = -np.inf
    return found


def test_it_looks_at_some_of_the_lists_and_finds_nearly_all(index: VectorIndex) -> None:
    assert index.recall >= vector_index.RECALL
    assert index.looked_at <= index.lists.nlist // 2
    assert index.told["recall_at_10"] == round(index.recall, 3)


@pytest.mark.parametrize("share", [None, 0.9])
@pytest.mark.parametrize("count", [1, 10, 100])
def test_nine_of_ten_of_the_best_are_found(
    index: VectorIndex, share: float | None, count: int
) -> None:
    """For tastes that its own samples did not have, among all shows and among those of a filter."""
    random = np.random.default_rng(2)
    allowed = None if share is None else random.random(SHOWS) < share
    shares = []
    for _ in range(100):
        one = history(*np.unique(random.integers(0, SHOWS, 5)))
        found = index.best(one, one.show_rows, allowed, count)
        assert found is not None
        best = top_k(scores(one, one.show_rows, allowed), count)
        shares.append(len(np.intersect1d(found[0], best)) / count)
    assert np.mean(shares) > 0.9


@given(
    st.sets(st.integers(0, SHOWS - 1), min_size=1, max_size=20),
    st.sets(st.integers(0, SHOWS - 1), max_size=20),
    st.floats(0.0, 1.0) | st.none(),
    st.integers(1, 100),
)
def test_what_it_gives_is_allowed_and_scored_as_ever(
    index: VectorIndex, seen: set[int], excluded: set[int], share: float | None, count: int
) -> None:
    one, hidden = history(*sorted(seen)), np.array([*seen, *excluded])
    allowed = None if share is None else np.random.default_rng(3).random(SHOWS) < share
    every = scores(one, hidden, allowed)
    found = index.best(one, hidden, allowed, count)
    open_ = int((every > -np.inf).sum())
    if found is None:
        assert open_ > vector_index._FEW
        return
    rows, given_ = found
    assert len(rows) == len(set(rows.tolist())) == min(count, open_)
    np.testing.assert_allclose(given_, every[rows], rtol=1e-4, atol=1e-5)
    assert (np.diff(given_) <= 0).all()


def test_few_shows_of_a_filter_are_all_scored(index: VectorIndex) -> None:
    allowed = np.zeros(SHOWS, dtype=np.bool_)
    allowed[::100] = True
    one = history(7, 100)
    found = index.best(one, one.show_rows, allowed, 10)
    assert found is not None
    assert found[0].tolist() == top_k(scores(one, one.show_rows, allowed), 10).tolist()
    assert 100 not in found[0]


def test_shows_of_equal_score_rank_by_row() -> None:
    alike = replace(FACTORS, show_vectors=np.ones((SHOWS, D), np.float16),
                    show_biases=np.zeros(SHOWS, np.float32))  # fmt: skip
    made = VectorIndex(alike, vector_index._lists(alike), looked_at=16)
    found = made.best(history(3), NOTHING, None, 10)
    assert found is not None
    assert (np.diff(found[0]) > 0).all()


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
def test_what_a_filter_leaves_far_from_the_taste_is_found(
    index: VectorIndex, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A genre of which the user has seen nothing: the nearest lists hold little of it."""
    monkeypatch.setattr(vector_index, "_FEW", 0)
    random = np.random.default_rng(5)
    shares = []
    for _ in range(50):
        along = VECTORS.astype(np.float32) @ random.normal(size=D)
        allowed = along > np.quantile(along, 1 - share)
        one = history(*np.unique(random.choice(np.flatnonzero(~allowed), 5)))
        found = index.best(one, one.show_rows, allowed, 10)
        assert found is not None
        best = top_k(scores(one, one.show_rows, allowed), 10)
        shares.append(len(np.intersect1d(found[0], best)) / 10)
    assert np.mean(shares) > 0.95


def test_a_wish_for_very_many_is_left_to_the_model(index: VectorIndex) -> None:
    assert index.best(history(1), NOTHING, None, vector_index._MOST_WANTED + 1) is None


def test_lists_that_run_out_leave_it_to_the_model(index: VectorIndex) -> None:
    narrow = replace(index, looked_at=1)
    assert narrow.best(history(1), NOTHING, None, 100) is not None
    nearly_all = np.argsort(-FACTORS.scores(history(1))[0])[: SHOWS // 100]
    assert narrow.best(history(1), nearly_all, None, 100) is None


def test_vectors_without_neighbours_are_not_indexed(caplog: pytest.LogCaptureFixture) -> None:
    """In many dimensions, noise has none: half of the lists do not hold the best."""
    random = np.random.default_rng(4)
    noise = Factors(
        random.normal(size=(2_000, 64)).astype(np.float16),
        np.zeros(2_000, dtype=np.float32),
        np.tile(np.eye(130, 64, dtype=np.float32), (2, 1)),
    )
    with caplog.at_level(logging.INFO):
        assert VectorIndex.of(replace(model(range(2_000)), model=noise)) is None
    assert "every show is scored" in caplog.text


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["show_vectors", "show_biases", "popularity"])
def test_what_is_not_finite_is_not_indexed(
    where: str, bad: float, caplog: pytest.LogCaptureFixture
) -> None:
    """The gate refuses such a version; one that was promoted by force must not stop the service."""
    holds: TrainedModel | Factors = VERSION if where == "popularity" else FACTORS
    array = getattr(holds, where).copy()
    array[3] = bad
    spoilt = replace(holds, **{where: array})
    if isinstance(spoilt, Factors):
        spoilt = replace(VERSION, model=spoilt)
    assert VectorIndex.of(spoilt) is None
    assert "not finite" in caplog.text


def test_another_process_with_other_threads_makes_the_same_lists(tmp_path: Path) -> None:
    """Else `tvrec replay` could not make an answer again."""
    made = "from tests.unit.models.test_vector_index import *; import faiss; "
    made += "faiss.write_index(vector_index._lists(FACTORS), sys.argv[1])"
    files = [tmp_path / count for count in ("1", "3")]
    for file in files:
        counts = {"OMP_NUM_THREADS": file.name, "OPENBLAS_NUM_THREADS": file.name}
        subprocess.run([sys.executable, "-c", made, file], check=True, env=os.environ | counts)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_without_faiss_all_are_scored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert VectorIndex.of(VERSION) is None
    assert "pip install faiss-cpu" in caplog.text


def test_a_model_without_vectors_is_not_indexed(caplog: pytest.LogCaptureFixture) -> None:
    linear = Linear(
        indptr=np.zeros(5, np.int64),
        columns=np.empty(0, np.int32),
        values=np.empty(0, np.float16),
        prior=np.ones(4, np.float32),
    )
    with caplog.at_level(logging.INFO):
        assert VectorIndex.of(model(model=linear)) is None
    assert "'linear' has no vectors" in caplog.text
