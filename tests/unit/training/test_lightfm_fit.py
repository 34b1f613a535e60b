"""A fit leaves rare shows out and stops when it should."""

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.training import lightfm_fit
from mlproject.training.budget import Budget
from mlproject.training.lightfm_fit import FitParams, FittedVectors, fit_vectors

USERS, SHOWS = 60, 20
RARE, UNRATED, SILENT = 18, 19, 59
PARAMS = FitParams(dimensions=8, epochs=6, max_sampled=10, fewest_raters=3, threads=1, seed=3)


@pytest.fixture(scope="module")
def positives() -> sparse.csr_array:
    """Even users like even shows; one show has two raters, one none; one user likes nothing."""
    random = np.random.default_rng(1)
    alike = np.arange(USERS)[:, None] % 2 == np.arange(SHOWS) % 2
    weights = np.where(alike & (random.random((USERS, SHOWS)) < 0.6), 1.0, 0.0)
    weights *= random.uniform(0.3, 1, (USERS, SHOWS))
    weights[:, [RARE, UNRATED]] = 0
    weights[[0, 2], RARE] = 1
    weights[SILENT] = 0
    return sparse.csr_array(weights.astype(np.float32))


def scores(fitted: FittedVectors) -> np.ndarray:
    return fitted.user_vectors @ fitted.show_vectors.T + fitted.show_biases


def contrast(fitted: FittedVectors) -> float:
    """How much higher users score the shows of their own kind."""
    found = scores(fitted)[: SILENT - 1, : RARE - 2]
    alike = np.arange(len(found))[:, None] % 2 == np.arange(found.shape[1]) % 2
    return float(found[alike].mean() - found[~alike].mean())


def test_users_score_what_is_like_their_likes_higher(positives: sparse.csr_array) -> None:
    assert contrast(fit_vectors(positives, PARAMS)) > 0.5


def test_shows_of_few_raters_and_users_without_likes_have_no_vectors(
    positives: sparse.csr_array,
) -> None:
    fitted = fit_vectors(positives, PARAMS)
    assert np.flatnonzero(~fitted.took_part).tolist() == [RARE, UNRATED]
    assert not fitted.show_vectors[~fitted.took_part].any()
    assert not fitted.show_biases[~fitted.took_part].any()
    assert fitted.show_vectors[fitted.took_part].any(axis=1).all()
    assert np.flatnonzero(~fitted.user_vectors.any(axis=1)).tolist() == [SILENT]


def test_with_one_thread_it_repeats_to_the_bit(positives: sparse.csr_array) -> None:
    first, again = fit_vectors(positives, PARAMS), fit_vectors(positives, PARAMS)
    assert first.show_vectors.tobytes() == again.show_vectors.tobytes()
    other = fit_vectors(positives, replace(PARAMS, seed=4))
    assert first.show_vectors.tobytes() != other.show_vectors.tobytes()


def test_the_order_of_weights_matters_and_what_is_not_positive_is_left_out(
    positives: sparse.csr_array,
) -> None:
    disliked = positives.copy()
    disliked.data[:3] *= -1
    without = positives.copy()
    without.data[:3] = 0
    first, second = fit_vectors(disliked, PARAMS), fit_vectors(without, PARAMS)
    assert first.show_vectors.tobytes() == second.show_vectors.tobytes()
    assert (disliked.data[:3] < 0).all()


def test_it_keeps_the_best_epoch_and_stops_once_patience_is_over(
    positives: sparse.csr_array,
) -> None:
    told = iter([0.1, 0.3, 0.2, 0.25, 0.9])
    kept: list[FittedVectors] = []

    def measure(fitted: FittedVectors) -> float:
        kept.append(fitted)
        return next(told)

    best = fit_vectors(positives, replace(PARAMS, patience=2), measure=measure)
    assert best.measures == (0.1, 0.3, 0.2, 0.25)
    assert best.epochs == 2
    assert best.show_vectors.tobytes() == kept[1].show_vectors.tobytes()
    assert best.show_vectors.tobytes() != kept[3].show_vectors.tobytes()


def test_measuring_does_not_change_the_fit(positives: sparse.csr_array) -> None:
    rising = iter(range(PARAMS.epochs))
    measured = fit_vectors(positives, PARAMS, measure=lambda _: next(rising))
    assert measured.epochs == PARAMS.epochs
    plain = fit_vectors(positives, PARAMS)
    assert measured.show_vectors.tobytes() == plain.show_vectors.tobytes()


def test_no_epoch_is_begun_that_the_budget_does_not_allow(positives: sparse.csr_array) -> None:
    """A count that began so much earlier is what an epoch of so many seconds comes to."""
    done: list[int] = []
    spent = Budget(90, processor_began=time.process_time() - 89.9999)
    late = fit_vectors(positives, PARAMS, budget=spent, on_epoch=done.append)
    assert done == [1]
    assert late.epochs == 1
    done.clear()
    fit_vectors(positives, PARAMS, budget=Budget(90), on_epoch=done.append)
    assert len(done) == PARAMS.epochs


def test_it_goes_on_from_earlier_vectors(positives: sparse.csr_array) -> None:
    """One epoch more of a fit is better than one epoch from nothing."""
    earlier = fit_vectors(positives, PARAMS)
    once = replace(PARAMS, epochs=1)
    warm, cold = fit_vectors(positives, once, start=earlier), fit_vectors(positives, once)
    assert contrast(warm) > contrast(earlier) > 2 * contrast(cold)


def test_what_has_no_vector_starts_at_random(positives: sparse.csr_array) -> None:
    earlier = fit_vectors(positives, PARAMS)
    shows, users = earlier.show_vectors.copy(), earlier.user_vectors.copy()
    shows[4], users[4] = 0, 0
    still = replace(PARAMS, epochs=1, learning_rate=1e-9)
    found = fit_vectors(
        positives, still, start=replace(earlier, show_vectors=shows, user_vectors=users)
    )
    drawn = fit_vectors(positives, still)
    for name in ("show_vectors", "user_vectors"):
        own, random, old = (getattr(one, name) for one in (found, drawn, earlier))
        assert np.allclose(own[4], random[4], atol=1e-6), name
        assert np.allclose(own[5], old[5], atol=1e-6), name


def test_on_epoch_may_stop_the_fit(positives: sparse.csr_array) -> None:
    def stop(epoch: int) -> None:
        if epoch == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        fit_vectors(positives, PARAMS, on_epoch=stop)


def test_too_few_raters_are_an_error(positives: sparse.csr_array) -> None:
    with pytest.raises(NotEnoughDataError, match="no show has 61 raters"):
        fit_vectors(positives, replace(PARAMS, fewest_raters=61))


def test_a_fit_that_diverges_fails(positives: sparse.csr_array) -> None:
    with pytest.raises(TrainingError, match="lower learning rate"):
        fit_vectors(positives, replace(PARAMS, learning_rate=1e30))


def test_numbers_that_are_not_finite_are_named_by_their_array(
    positives: sparse.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LightFM looks at sums of some arrays alone."""
    fit = lightfm_fit.LightFM.fit_partial

    def spoiled(self: lightfm_fit.LightFM, *args: object, **options: object) -> None:
        fit(self, *args, **options)
        self.item_biases[0] = np.inf

    monkeypatch.setattr(lightfm_fit.LightFM, "fit_partial", spoiled)
    with pytest.raises(TrainingError, match="show_biases has numbers that are not finite"):
        fit_vectors(positives, replace(PARAMS, epochs=1))
