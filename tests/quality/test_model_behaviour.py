"""A model trained on simulated raters recommends as a person would expect it to.

It is trained with one thread, so the numbers repeat on one machine; each bound leaves
room for those of another, whose floats may round otherwise.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd
import pytest

from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.core.ratings import RatingFrame
from mlproject.core.user_ratings import UserRatings
from mlproject.dataset.features import show_metadata
from mlproject.dataset.matrices import interactions as lay_out
from mlproject.dataset.split import TimeCut, hold_out
from mlproject.events.simulator import Simulator
from mlproject.serving.recommender import Recommender
from mlproject.snapshot.latest import latest
from mlproject.training.evaluation import Evaluation, by_model, by_popularity, evaluate
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.popularity import popular_now

USERS, RATINGS = 600, 30_000
FANS = range(1_000_000, 1_000_006)
"""Of crime dramas; none has rated a show that another has."""
NOW = datetime(2025, 1, 1, tzinfo=UTC)
SEED = 42
K = 10
SMALL = LightFMTrainer(
    dimensions=32,
    epochs=10,
    learning_rate=0.06,
    max_sampled=100,
    l2=1e-4,
    fewest_raters=5,
    patience=6,
    seconds=300,
    threads=1,
    seed=SEED,
)
DEFAULT = replace(SMALL, dimensions=64, epochs=20)


@dataclass(frozen=True)
class Trained:
    """A model and what it is measured by."""

    split: Split
    model: TrainedModel

    @cached_property
    def measured(self) -> Evaluation:
        return evaluate(by_model(self.model, self.split), self.split, K)

    @cached_property
    def popular(self) -> Evaluation:
        return evaluate(by_popularity(self.model.popularity), self.split, K)

    def rated(self, user_id: int) -> UserRatings:
        """All that the user has rated, held out or not, as the service knows it."""
        data = self.split.interactions
        mine = data.user_rows == data.users.row(user_id)
        ratings = np.nan_to_num(data.ratings[mine]).astype(np.int8)
        return UserRatings(data.shows.ids[data.show_rows[mine]], ratings)

    def recommended(self, user_id: int, n: int = K) -> list[int]:
        answer = Recommender(1, self.model).recommend(user_id, self.rated(user_id), n)
        return [item[c.SHOW_ID] for item in answer["items"]]


def shows_of(catalogue: Catalogue, *genres: str) -> list[int]:
    found = catalogue.frame[c.GENRES].str.split("|").map(set(genres).issubset)
    ids: list[int] = catalogue.frame.loc[found, c.SHOW_ID].tolist()
    return ids


def fan_ratings(catalogue: Catalogue) -> RatingFrame:
    """Ten crime dramas at 10 and five anime at 1 or 2 by each fan."""
    crime, anime = shows_of(catalogue, "Crime", "Drama"), shows_of(catalogue, "Anime")
    step = len(FANS)
    raw = [
        {c.USER_ID: fan, c.SHOW_ID: show, c.RATING: rating, c.EVENT_ID: f"{fan} {show}"}
        for place, fan in enumerate(FANS)
        for show, rating in [
            *((show, 10) for show in crime[place::step][:10]),
            *((show, 1 + show % 2) for show in anime[place::step][:5]),
        ]
    ]
    frame = pd.DataFrame(raw).assign(**{c.RATED_AT: NOW, c.SOURCE: "SERVICE"})
    good, rejected = RatingFrame.validated(frame)
    assert rejected.empty
    return good


def train(split: Split, catalogue: Catalogue, trainer: LightFMTrainer) -> Trained:
    model = TrainedModel(
        shows=split.interactions.shows,
        model=trainer.fit(split, show_metadata(catalogue), 30, lambda _: None).model,
        popularity=popular_now(split, half_life_days=30),
        history_weights=history_weights(),
        cards=tuple({c.SHOW_ID: show} for show in catalogue.frame[c.SHOW_ID].tolist()),
    )
    return Trained(split, model)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return bundled().read()


@pytest.fixture(scope="module")
def split(catalogue: Catalogue) -> Split:
    """Simulated raters and the fans, of whom nothing is held out; of the others the newest."""
    made, rule = hold_out(laid_out(catalogue), share=0.2, seed=SEED)
    assert isinstance(rule, TimeCut)
    return without_fans(made)


def laid_out(catalogue: Catalogue) -> Interactions:
    simulator = Simulator(catalogue, users=USERS, ratings=RATINGS, seed=SEED, now=lambda: NOW)
    ratings = RatingFrame.concat([simulator.read(0, RATINGS), fan_ratings(catalogue)])
    return lay_out(latest(ratings.to_columns()), catalogue)[0]


def without_fans(split: Split) -> Split:
    data = split.interactions
    by_fan = np.isin(data.users.ids[data.user_rows], FANS)
    return replace(split, held_out=split.held_out & ~by_fan)


@pytest.fixture(scope="module")
def trained(split: Split, catalogue: Catalogue) -> Trained:
    return train(split, catalogue, SMALL)


@pytest.fixture(scope="module")
def by_default(split: Split, catalogue: Catalogue) -> Trained:
    """With the dimensions and epochs that the settings have by default."""
    return train(split, catalogue, DEFAULT)


@pytest.fixture(scope="module")
def at_random(catalogue: Catalogue) -> Trained:
    """Measured on ratings of any time."""
    made, _ = hold_out(laid_out(catalogue), share=0.2, seed=SEED, kind="random")
    return train(without_fans(made), catalogue, SMALL)


@pytest.mark.parametrize("model", ["trained", "by_default", "at_random"])
def test_it_beats_popularity_clearly(model: str, request: pytest.FixtureRequest) -> None:
    found: Trained = request.getfixturevalue(model)
    popular, own = found.popular.means(), found.measured.means()
    for metric in ("precision_at_10", "recall_at_10", "ndcg_at_10"):
        assert own[metric] > 1.6 * popular[metric], metric
    better = (found.measured.ndcg > found.popular.ndcg).mean()
    worse = (found.measured.ndcg < found.popular.ndcg).mean()
    assert better > 2 * worse


def test_cold_users_get_better_lists_than_what_is_popular(by_default: Trained) -> None:
    """Those of five to ten ratings; fewer hits than for others, since they rate fewer shows."""
    cold = by_default.measured.cold_user
    assert cold.sum() > 30
    assert by_default.measured.precision[cold].mean() > by_default.popular.precision[cold].mean()


def test_it_recommends_more_of_the_catalogue_than_popularity(trained: Trained) -> None:
    assert trained.measured.coverage > 0.4
    assert trained.measured.coverage > 3 * trained.popular.coverage


def test_users_get_lists_of_their_own(trained: Trained) -> None:
    lists = {tuple(trained.recommended(user)) for user in range(100)}
    assert len(lists) > 90


@pytest.mark.parametrize(("model", "least"), [("trained", 3), ("by_default", 5)])
def test_a_fan_of_crime_dramas_gets_mostly_crime(
    model: str, least: float, catalogue: Catalogue, request: pytest.FixtureRequest
) -> None:
    """Chance would give two of ten.

    The slice ends a fit where lists are best for all, long before they are purest for a fan.
    """
    found: Trained = request.getfixturevalue(model)
    crime = set(shows_of(catalogue, "Crime"))
    assert len(crime) < 0.22 * len(catalogue)
    assert np.mean([len(crime & set(found.recommended(fan))) for fan in FANS]) >= least


@pytest.mark.parametrize("model", ["trained", "by_default"])
def test_a_fan_gets_nothing_of_what_they_dislike(
    model: str, catalogue: Catalogue, request: pytest.FixtureRequest
) -> None:
    """Chance would give five shows in the lists of all fans; there may be two, on a bad day."""
    found: Trained = request.getfixturevalue(model)
    anime = set(shows_of(catalogue, "Anime"))
    assert sum(len(anime & set(found.recommended(fan))) for fan in FANS) <= 2


def test_a_seen_show_never_comes_back(trained: Trained) -> None:
    """Nor is any other show missing, if one asks for all."""
    data = trained.split.interactions
    everything = set(data.shows.ids.tolist())
    for row in range(0, len(data.users), 25):
        seen = set(data.shows.ids[data.show_rows[data.user_rows == row]].tolist())
        found = trained.recommended(int(data.users.ids[row]), len(everything))
        assert seen
        assert len(found) == len(set(found))
        assert set(found) == everything - seen


def test_a_stranger_gets_what_is_popular(trained: Trained) -> None:
    popular = trained.model.shows.ids[np.argsort(-trained.model.popularity, kind="stable")[:K]]
    assert trained.recommended(user_id=999_999) == popular.tolist()


def test_other_labels_for_the_users_change_nothing(
    trained: Trained, split: Split, catalogue: Catalogue
) -> None:
    """In the same order, the model is equal to the bit."""
    data = split.interactions
    renamed = replace(split, interactions=replace(data, users=IdMap(data.users.ids * 3 + 17)))
    other = train(renamed, catalogue, SMALL)
    assert other.measured.means() == trained.measured.means()
    for user in (0, 1, 299, *FANS):
        assert other.recommended(user * 3 + 17) == trained.recommended(user)


def test_users_in_another_order_get_lists_as_good(
    trained: Trained, split: Split, catalogue: Catalogue
) -> None:
    """Each then starts from other random factors, so single lists differ."""
    other = train(reversed_users(split), catalogue, SMALL)
    for metric, value in trained.measured.means().items():
        assert other.measured.means()[metric] == pytest.approx(value, rel=0.2), metric


def reversed_users(split: Split) -> Split:
    """Let the last user come first; the same ratings are held out."""
    data = split.interactions
    rows = len(data.users) - 1 - data.user_rows
    order = np.lexsort((data.show_rows, rows))
    flipped = Interactions(
        users=IdMap(data.users.ids.max() - data.users.ids[::-1]),
        shows=data.shows,
        user_rows=rows[order],
        show_rows=data.show_rows[order],
        ratings=data.ratings[order],
        rated_at=data.rated_at[order],
    )
    return Split(flipped, split.held_out[order])
