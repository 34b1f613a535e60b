"""What is popular now is added as far as a slice says."""

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.models.factors import Factors
from mlproject.training.popular_bias import SHARES, choose_popular_share, with_popularity
from mlproject.training.validation import Validation

POPULARITY = np.array([8, 4, 2], dtype=np.float32)


def model(*biases: float) -> Factors:
    """Return a model whose vectors say nothing, and biases alone rank."""
    return Factors(
        show_vectors=np.zeros((3, 2), np.float16),
        show_biases=np.array(biases, np.float32),
        fold_in=np.zeros((12, 2), np.float32),
    )


def validation(liked: int, shows: int = 3) -> Validation:
    """Return a slice of one user, who likes one show and has rated none before."""
    wanted = sparse.csr_array(([1.0], ([0], [liked])), shape=(1, shows))
    data = Interactions(
        users=IdMap(np.array([1])),
        shows=IdMap(np.arange(shows)),
        user_rows=np.array([0], np.int32),
        show_rows=np.array([liked], np.int32),
        ratings=np.array([9], np.float32),
        rated_at=np.zeros(1, np.int64),
    )
    return Validation(
        split=Split(data, np.array([True])),
        users=np.array([0]),
        seen=sparse.csr_array((1, shows)),
        liked=wanted,
    )


def test_the_most_popular_gets_the_whole_share() -> None:
    plain = model(0, 1, 2)
    assert with_popularity(plain, POPULARITY, 3.0).show_biases == pytest.approx([3, 2.5, 2.75])
    assert plain.show_biases.tolist() == [0, 1, 2]


def test_the_least_share_that_brings_the_popular_show_to_the_top_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Show 0 leads show 1 from a share of 2 times (1 - 0) / (1 - 4 / 8) on."""
    measure = Validation.precisions
    monkeypatch.setattr(
        Validation, "precisions", lambda self, candidates: measure(self, candidates, k=1)
    )
    assert choose_popular_share(model(0, 1.2, 1.2), POPULARITY, validation(liked=0)) == 3
    assert choose_popular_share(model(2, 1, 1), POPULARITY, validation(liked=0)) == 0


def test_if_it_does_not_matter_nothing_is_added() -> None:
    """A list of ten has room for all three."""
    assert choose_popular_share(model(0, 1, 2), POPULARITY, validation(liked=0)) == SHARES[0] == 0


def test_where_nothing_is_popular_nothing_is_added() -> None:
    found = with_popularity(model(0, 1, 2), np.zeros(3, np.float32), 100.0)
    assert found.show_biases.tolist() == [0, 1, 2]
