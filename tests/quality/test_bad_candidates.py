"""Candidates that must not be served: each is refused or held, with its own true sentence.

The models are real: item-item weights in closed form (EASE: Steck, WWW 2019), fitted on
the simulated likes of 1,500 people, and spoiled in the ways that have been seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pytest
from numpy.typing import NDArray

from mlproject.core.histories import Histories
from mlproject.core.ranking import top_k
from mlproject.registry.checks import check_version
from mlproject.registry.gate import Measured, Occasion, Outcome, Rules, Scores, Verdict, judge
from tests.histories import histories_of, seen_in

USERS, SHOWS, K, COLD, SEED = 1500, 400, 10, 5, 8
SAMPLE = 200
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Model:
    """A score is the sum of the weights of what a user has liked."""

    weights: Floats
    biases: Floats = field(default_factory=lambda: np.zeros(SHOWS))
    turned_round: bool = False
    """Whether the taste of cold users is."""
    cold_alike: bool = False
    """Whether all scores of cold users are equal."""
    twice: bool = False
    """Whether lists begin with the same show twice."""

    @classmethod
    def fitted(cls, liked: Bools) -> "Model":
        x = liked.astype(float)
        inverse = np.linalg.inv(x.T @ x + 100 * np.eye(SHOWS))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return cls(weights)

    def scores(self, histories: Histories) -> Floats:
        with np.errstate(invalid="ignore", over="ignore"):
            found: Floats = seen_in(histories, SHOWS) @ self.weights + self.biases
        cold = np.diff(histories.indptr) <= COLD
        if self.turned_round:
            found[cold] *= -1
        if self.cold_alike:
            found[cold] = 1
        return found

    def recommend(self, history: Histories, k: int) -> NDArray[np.int64]:
        scores = self.scores(history)[0]
        scores[history.show_rows] = -np.inf
        found = top_k(scores, k)
        return np.concatenate([found[:1], found[:-1]]) if self.twice else found

    @property
    def arrays(self) -> dict[str, Floats]:
        return {"weights": self.weights, "biases": self.biases}


@dataclass(frozen=True)
class World:
    """Who has liked what: before the cut in time, and after it."""

    before: Bools
    after: Bools

    @classmethod
    def simulated(cls) -> "World":
        random = np.random.default_rng(SEED)
        people, shows = random.normal(size=(USERS, 8)), random.normal(size=(SHOWS, 8))
        appeal = people @ shows.T + 2 * random.normal(size=SHOWS)
        appeal += 2 * random.gumbel(size=appeal.shape)
        counts = random.integers(6, 60, USERS)
        liked = appeal.argsort(axis=1).argsort(axis=1) >= SHOWS - counts[:, None]
        after = liked & (random.random(liked.shape) < 0.2)
        return cls(liked & ~after, after)

    @cached_property
    def histories(self) -> Histories:
        return histories_of(self.before)

    @cached_property
    def popular(self) -> Model:
        return Model(np.zeros((SHOWS, SHOWS)), self.before.sum(axis=0) / USERS)

    @cached_property
    def honest(self) -> Model:
        return Model.fitted(self.before)

    @cached_property
    def in_production(self) -> Measured:
        return self.measured(self.honest)

    @cached_property
    def by_popularity(self) -> Measured:
        return self.measured(self.popular)

    def measured(self, model: Model) -> Measured:
        scores = np.nan_to_num(model.scores(self.histories), nan=-1e9)
        scores[self.before] = -np.inf
        lists = top_k(scores, K)
        hits = np.take_along_axis(self.after, lists, axis=1)[self.after.any(axis=1)]
        return Measured(hits.mean(axis=1), len(np.unique(lists)) / SHOWS)

    def verdict(self, candidate: Model, occasion: Occasion) -> Verdict:
        """Measure, check and judge, with an honest model in production."""
        scores = Scores(
            candidate=self.measured(candidate),
            popularity=self.by_popularity,
            production=self.in_production,
            reference=None,
            cold=(self.before.sum(axis=1) <= COLD)[self.after.any(axis=1)],
        )
        findings = check_version(
            candidate.arrays, candidate.scores, candidate.recommend, self.histories[:SAMPLE]
        )
        return judge(scores, occasion, Rules(), findings=findings)


@pytest.fixture(scope="module")
def world() -> World:
    return World.simulated()


def shuffled(world: World) -> Model:
    order = np.random.default_rng(SEED).permutation(SHOWS)
    return Model(world.honest.weights[:, order])


def with_nan(world: World) -> Model:
    weights = world.honest.weights.copy()
    weights[:, : SHOWS * 3 // 100] = np.nan
    return Model(weights)


def with_infinite_bias(world: World) -> Model:
    biases = np.zeros(SHOWS)
    biases[17] = np.inf
    return Model(world.honest.weights, biases)


def cold_turned_round(world: World) -> Model:
    return replace(world.honest, turned_round=True)


def cold_alike(world: World) -> Model:
    return replace(world.honest, cold_alike=True)


def with_one_user_s_list(world: World) -> Model:
    return Model(np.zeros((SHOWS, SHOWS)), world.honest.scores(world.histories[3:4])[0])


def with_nan_for_cold_shows(world: World) -> Model:
    """Of those that nobody would be shown anyway."""
    biases = np.zeros(SHOWS)
    biases[np.argsort(world.before.sum(axis=0))[:5]] = np.nan
    return Model(world.honest.weights, biases)


def with_ids_moved_by_one(world: World) -> Model:
    return Model(np.roll(np.roll(world.honest.weights, 1, axis=0), 1, axis=1))


def with_half_the_shows(world: World) -> Model:
    biases = np.where(np.random.default_rng(SEED).random(SHOWS) < 0.5, 0, -1e6)
    return Model(world.honest.weights, biases)


def overflowing(world: World) -> Model:
    """Every number in its files is finite, and no sum of them is."""
    weights = world.honest.weights / np.abs(world.honest.weights).max()
    return Model(weights * np.finfo(np.float64).max, np.full(SHOWS, np.finfo(np.float64).max))


def with_shows_twice(world: World) -> Model:
    return replace(world.honest, twice=True)


def of_a_tenth_of_the_shows(world: World) -> Model:
    """As good as ever in its precision on what is popular, and blind for the rest."""
    popular = np.argsort(-world.before.sum(axis=0))[: SHOWS // 10]
    biases = np.full(SHOWS, -1e6)
    biases[popular] = 0
    return Model(world.honest.weights, biases)


def constant(world: World) -> Model:
    return world.popular


def of_last_week(world: World) -> Model:
    return Model.fitted(world.before & (np.random.default_rng(SEED).random((USERS, 1)) < 0.1))


def trained_on_the_holdout(world: World) -> Model:
    return Model.fitted(world.before | world.after)


@pytest.mark.parametrize("occasion", [Occasion(), Occasion(new_shows=3)], ids=["not due", "due"])
@pytest.mark.parametrize(
    ("spoil", "outcome", "sentence"),
    [
        (shuffled, Outcome.KEEP, "does not beat the 0.09"),
        (with_nan, Outcome.KEEP, "not fit to serve: weights is not finite in 4,800 places"),
        (
            with_infinite_bias,
            Outcome.KEEP,
            "not fit to serve: biases is not finite in 1 place, first at [17]; the scores of 200",
        ),
        (cold_turned_round, Outcome.KEEP, "cold users are served worse than by what is popular"),
        (constant, Outcome.KEEP, "not fit to serve: everyone gets the same list, but for what"),
        (of_last_week, Outcome.KEEP, "worse by 0.0"),
        (cold_alike, Outcome.KEEP, "cold users are served worse than by what is popular"),
        (with_one_user_s_list, Outcome.KEEP, "not fit to serve: "),
        (with_nan_for_cold_shows, Outcome.KEEP, "biases is not finite in 5 places"),
        (with_ids_moved_by_one, Outcome.KEEP, "does not beat the 0.09"),
        (with_half_the_shows, Outcome.KEEP, "worse"),
        (overflowing, Outcome.KEEP, "not fit to serve: the scores of 200"),
        (with_shows_twice, Outcome.KEEP, "not fit to serve: 200 of 200 lists are with a show"),
        (of_a_tenth_of_the_shows, Outcome.KEEP, "coverage collapses"),
        (trained_on_the_holdout, Outcome.HOLD, "has it trained on what it is measured by?"),
    ],
)
def test_a_bad_candidate_is_refused_or_held(
    world: World,
    spoil: Callable[[World], Model],
    occasion: Occasion,
    outcome: Outcome,
    sentence: str,
) -> None:
    found = world.verdict(spoil(world), occasion)
    assert found.outcome is outcome
    assert sentence in found.reason
    assert not found.becomes_reference


def test_an_honest_candidate_passes_all_checks(world: World) -> None:
    found = world.verdict(world.honest, Occasion(new_shows=3))
    assert found.reason.startswith("due (3 new shows) and equal: precision@10 0.")
    assert found.promote
