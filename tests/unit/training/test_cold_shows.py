"""A show without raters is taken for those like it, and is in nobody's way."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from mlproject.training import cold_shows
from mlproject.training.cold_shows import (
    VECTOR_SHARE,
    WEIGHT_SHARE,
    alike_by_metadata,
    with_cold_vectors,
    with_cold_weights,
)
from mlproject.training.item_weights import FittedWeights
from mlproject.training.lightfm_fit import FittedVectors

# Shows 0 to 3 are rated. Features: drama, crime, anime, tv (which all but the last have).
METADATA = sparse.csr_array(
    np.array(
        [
            [1, 1, 0, 1],
            [1, 1, 0, 1],
            [0, 0, 1, 1],
            [1, 0, 0, 1],
            [1, 1, 0, 1],
            [0, 0, 1, 1],
            [0, 0, 0, 0],
        ],
        dtype=np.float32,
    )
)
RATERS = np.array([10, 40, 20, 5, 1, 0, 0])
RATED = RATERS >= 5


@pytest.fixture
def fitted() -> FittedVectors:
    random = np.random.default_rng(1)
    vectors = np.where(RATED[:, None], random.normal(size=(7, 3)), 0).astype(np.float32)
    biases = np.where(RATED, 0.5 * np.log(np.maximum(RATERS, 1)) - 1, 0).astype(np.float32)
    return FittedVectors(
        show_vectors=vectors,
        show_biases=biases,
        took_part=RATED,
        user_vectors=np.ones((2, 3), np.float32),
        epochs=1,
    )


def test_a_show_is_taken_for_those_of_the_same_metadata() -> None:
    alike = alike_by_metadata(METADATA, RATERS, RATED, count=2).toarray()
    assert alike[4] == pytest.approx([0.5, 0.5, 0, 0, 0, 0, 0])
    assert alike[5].argmax() == 2
    assert alike[5].sum() == pytest.approx(1)


def test_of_equally_like_shows_the_better_known_stands_for_it() -> None:
    alike = alike_by_metadata(METADATA, RATERS, RATED, count=1).toarray()
    assert alike[4, 1] == 1
    assert alike[4].sum() == 1


def test_rated_shows_and_those_without_metadata_have_nobody_in_their_place() -> None:
    alike = alike_by_metadata(METADATA, RATERS, RATED).toarray()
    assert not alike[[0, 1, 2, 3, 6]].any()
    assert not alike[:, ~RATED].any()


def test_how_much_a_feature_weighs_changes_nothing() -> None:
    scaled = METADATA * np.float32(0.25)
    first = alike_by_metadata(METADATA, RATERS, RATED)
    assert (first != alike_by_metadata(sparse.csr_array(scaled), RATERS, RATED)).nnz == 0


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = alike_by_metadata(METADATA, RATERS, RATED)
    monkeypatch.setattr(cold_shows, "_CELLS", 1)
    assert (whole != alike_by_metadata(METADATA, RATERS, RATED)).nnz == 0


@pytest.mark.parametrize("rated", [np.zeros(7, dtype=np.bool_), np.ones(7, dtype=np.bool_)])
def test_where_all_or_none_are_rated_there_is_nothing_to_find(rated: np.ndarray) -> None:
    assert alike_by_metadata(METADATA, RATERS, rated).nnz == 0


def test_a_cold_vector_points_where_the_like_ones_do(fitted: FittedVectors) -> None:
    alike = alike_by_metadata(METADATA, RATERS, RATED, count=2)
    found = with_cold_vectors(fitted, RATERS, alike)
    mean = fitted.show_vectors[:2].mean(axis=0)
    assert found.show_vectors[4] == pytest.approx(VECTOR_SHARE * mean, rel=1e-5)
    assert not found.show_vectors[6].any()
    assert (found.show_vectors[RATED] == fitted.show_vectors[RATED]).all()


def test_a_cold_bias_falls_with_the_raters_as_the_others_do(fitted: FittedVectors) -> None:
    """Here the biases of the rated are their logarithm and nothing beyond it."""
    found = with_cold_vectors(fitted, RATERS, alike_by_metadata(METADATA, RATERS, RATED))
    assert found.show_biases[4] == pytest.approx(0.5 * np.log(1) - 1, abs=1e-4)
    assert found.show_biases[5] == pytest.approx(0.5 * np.log(0.5) - 1, abs=1e-4)
    assert (found.show_biases[RATED] == fitted.show_biases[RATED]).all()


def test_where_all_have_as_many_raters_the_bias_is_that_of_those_like_it(
    fitted: FittedVectors,
) -> None:
    raters = np.where(RATED, 9, 0)
    even = replace(fitted, show_biases=np.array([1, 1, 3, 2, 0, 0, 0], np.float32))
    found = with_cold_vectors(even, raters, alike_by_metadata(METADATA, raters, RATED, count=2))
    assert found.show_biases[4] == pytest.approx(1)


def test_a_cold_show_has_weights_from_those_like_it() -> None:
    fitted = FittedWeights(
        indptr=np.array([0, 1, 2, 2, 2, 2, 2, 2]),
        columns=np.array([1, 0], dtype=np.int32),
        values=np.array([0.5, 0.25], dtype=np.float16),
        prior=np.zeros(7, dtype=np.float32),
    )
    found = with_cold_weights(fitted, alike_by_metadata(METADATA, RATERS, RATED, count=2))
    matrix = sparse.csr_array(
        (found.values.astype(np.float32), found.columns, found.indptr), shape=(7, 7)
    ).toarray()
    assert matrix[0, 4] == matrix[1, 4] == pytest.approx(WEIGHT_SHARE / 2, rel=1e-3)
    assert (matrix[0, 1], matrix[1, 0]) == (0.5, 0.25)
    assert not matrix[:, 6].any()
