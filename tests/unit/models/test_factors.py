"""A history becomes a vector, and the vector scores."""

import numpy as np
import pytest

from mlproject.core.errors import ArtifactError
from mlproject.core.histories import Histories
from mlproject.models.factors import Factors
from tests.builders import factors


def test_scores_are_the_vectors_and_the_biases() -> None:
    model = factors(show_biases=np.array([0, 0, 0, 100], np.float32))
    histories = Histories.of_each([[0], [3]], [[1.0], [1.0]])
    tastes = model.tastes(histories)
    assert model.scores(histories) == pytest.approx(
        tastes @ model.show_vectors.astype(np.float32).T + [0, 0, 0, 100]
    )


def test_many_histories_score_as_each_alone() -> None:
    random = np.random.default_rng(1)
    model = Factors(
        random.normal(size=(40, 8)).astype(np.float16),
        random.normal(size=40).astype(np.float32),
        random.normal(size=(36, 8)).astype(np.float32),
    )
    shows = [random.permutation(40)[: random.integers(0, 12)].tolist() for _ in range(50)]
    histories = Histories.of_each(shows, [random.random(len(rows)).tolist() for rows in shows])
    together = model.scores(histories)
    for user in range(50):
        assert model.scores(histories[user : user + 1])[0] == pytest.approx(
            together[user], rel=1e-4, abs=1e-4
        )


def test_the_most_similar_show_is_the_show_itself_then_its_neighbour() -> None:
    assert np.argsort(-factors().similar(0)).tolist() == [0, 1, 2, 3]


def test_a_show_without_a_vector_is_like_none() -> None:
    vectors = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=np.float16)
    similar = factors(show_vectors=vectors).similar(1)
    assert similar.tolist() == [0, 0, 0, 0]


def test_a_map_of_other_features_is_refused() -> None:
    arrays = {**factors().arrays(), "fold_in": np.zeros((5, 2), np.float32)}
    with pytest.raises(ArtifactError, match="takes 5 features, and vectors of length 2 give 12"):
        Factors.of_arrays(arrays)
