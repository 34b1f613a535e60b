"""A recommender gets credit for what its users came to like, and for nothing else."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ids import UNKNOWN_ROW, IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.models.factors import Factors
from mlproject.training import evaluation
from mlproject.training.evaluation import (
    COLD,
    Evaluation,
    Floats,
    Scorer,
    Whole,
    by_model,
    by_popularity,
    evaluate,
    measured_users,
    raters_of_shows,
)
from tests.builders import rated

# user, show, rating, held out
Rating = tuple[int, int, float, bool]

USERS = [100, 200, 300]
SHOWS = [10, 20, 30, 40]
RATINGS: list[Rating] = [
    (100, 10, 9, False),
    (100, 20, 8, True),
    (100, 30, 3, True),
    (200, 20, 9, False),
    (200, 10, 10, True),
    (200, 40, 8, True),
    (300, 30, 10, False),
    (300, 10, 7, True),
]


def split(ratings: list[Rating], shows: list[int] = SHOWS) -> Split:
    users, show_ids, values, held_out = (np.array(column) for column in zip(*ratings, strict=True))
    order = np.lexsort((show_ids, users))
    user_map, show_map = IdMap.of(users), IdMap.of(shows)
    data = Interactions(
        users=user_map,
        shows=show_map,
        user_rows=user_map.rows(users[order]).astype(np.int32),
        show_rows=show_map.rows(show_ids[order]).astype(np.int32),
        ratings=values[order].astype(np.float32),
        rated_at=np.zeros(len(order), dtype=np.int64),
    )
    return Split(data, held_out[order].astype(np.bool_))


def scorer(*scores: list[float]) -> Scorer:
    """Give each user a row of scores."""
    table = np.array(scores, dtype=np.float32)
    return lambda rows: table[rows]


def trained(shows: list[int]) -> TrainedModel:
    """Random vectors of three dimensions; the popularity grows with the row."""
    random = np.random.default_rng(1)

    def floats(*shape: int) -> Floats:
        return random.normal(size=shape).astype(np.float32)

    return TrainedModel(
        shows=IdMap.of(shows),
        model=Factors(floats(len(shows), 3).astype(np.float16), floats(len(shows)), floats(16, 3)),
        popularity=np.arange(1, len(shows) + 1, dtype=np.float32),
        history_weights=history_weights(),
        cards=(),
    )


def test_a_small_example_by_hand() -> None:
    """User 100's list is 20, 40 and one of two is liked; 200's is 30, 10; 300 likes nothing."""
    score = scorer([9, 5, 1, 2], [3, 9, 4, 1], [0, 0, 0, 0])
    found = evaluate(score, split(RATINGS), k=2)
    assert found.precision.tolist() == [0.5, 0.5]
    assert found.recall.tolist() == [1, 0.5]
    second = 1 / math.log2(3)
    assert found.ndcg == pytest.approx([1, second / (1 + second)])
    assert found.coverage == 1


def test_means_are_named_by_k() -> None:
    made = Evaluation(
        k=2,
        users=np.array([3, 4]),
        lists=np.array([[0, 1], [0, UNKNOWN_ROW]], dtype=np.int32),
        hits=np.array([[False, True], [False, False]]),
        relevant=np.array([2, 1]),
        auc=np.array([0.5, 1.0]),
        shows=10,
        cold_user=np.array([False, True]),
        cold_show_recall=np.array([0.25, 0.75, 0.5]),
    )
    assert made.cold_users() == {"cold_user_precision_at_2": 0.0}
    assert made.slices() == {
        "cold_user_precision_at_2": 0.0,
        "cold_users": 1,
        "cold_show_recall_at_2": 0.5,
        "cold_show_users": 3,
    }
    assert made.means() == {
        "precision_at_2": 0.25,
        "recall_at_2": 0.25,
        "ndcg_at_2": pytest.approx(0.5 / math.log2(3) / (1 + 1 / math.log2(3))),
        "coverage_at_2": 0.2,
    }
    assert made.further_means() == {
        "map_at_2": 0.125,
        "mrr_at_2": 0.25,
        "hit_rate_at_2": 0.5,
        "auc": 0.75,
    }


def test_where_nothing_is_rated_what_was_watched_is_relevant() -> None:
    """Implicit feedback alone."""
    watched: list[Rating] = [(1, 10, np.nan, False), (1, 20, np.nan, True), (1, 30, np.nan, True)]
    found = evaluate(scorer([0, 3, 1, 2]), split(watched), k=2)
    assert found.precision.tolist() == [0.5]


def test_auc_is_measured_on_users_evenly_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 14 users every third, whatever the blocks."""
    monkeypatch.setattr(evaluation, "AUC_USERS", 5)
    rated_: list[Rating] = [
        (user, show, 9, show == user) for user in range(14) for show in range(15)
    ]
    scores = np.random.default_rng(1).normal(size=(14, 15)).astype(np.float32)
    data = split(rated_, list(range(15)))
    found = {}
    for cells in (15, 15 * 4, 1 << 20):
        monkeypatch.setattr(evaluation, "_CELLS", cells)
        found[cells] = evaluate(lambda rows: scores[rows], data, k=2).auc
        assert len(found[cells]) == 5
    assert len({values.tobytes() for values in found.values()}) == 1


def test_an_empty_slice_is_not_told() -> None:
    """Every user and every show has more than COLD ratings in the training part."""
    rated: list[Rating] = [
        (user, show, 9, show == user) for user in range(14) for show in range(14)
    ]
    found = evaluate(scorer(*[[1.0] * 14] * 14), split(rated, list(range(14))), k=2)
    assert len(found.precision) == 14
    assert found.slices() == {}
    assert found.cold_users() == {}


def test_cold_users_and_cold_shows_are_those_with_few_ratings_that_train() -> None:
    """Users 0 to 13 rate shows 0 to 12; user 99 only ten of them, and only some rate show 50."""
    many: list[Rating] = [(user, show, 9, False) for user in range(14) for show in range(13)]
    rated = [
        *many,
        *[(99, show, 9, False) for show in range(COLD)],
        (99, 11, 9, True),  # no hit: 99 sees what is cold first
        *[(user, 50, 9, False) for user in range(COLD)],
        (99, 50, 9, True),
        (13, 50, 9, True),
        (12, 60, 9, True),  # nobody else has rated it, and nobody is shown it
        (11, 70, 9, True),  # a hit, but not cold
        *[(user, 70, 9, False) for user in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)],
    ]
    shows = [*range(13), 50, 60, 70]
    score = dict.fromkeys(shows, 0.0) | {50: 3.0, 70: 2.0, 60: 1.0}
    found = evaluate(scorer(*[list(score.values())] * 15), split(rated, shows), k=1)
    # In the order of the users 11, 12, 13 and 99; the first two see 50.
    assert found.precision.tolist() == [0, 0, 1, 1]
    assert found.cold_user.tolist() == [False, False, False, True]
    assert found.cold_show_recall.tolist() == [0, 1, 1]


def test_what_trained_is_not_recommended() -> None:
    """A scorer that loves what was seen gets no worse and no better by it."""
    plain = [[0.0, 1, 2, 3]] * 3
    loving = np.array(plain)
    loving[[0, 1, 2], [0, 1, 2]] = 1000
    for k in (1, 2, 3):
        one = evaluate(scorer(*plain), split(RATINGS), k)
        other = evaluate(scorer(*loving.tolist()), split(RATINGS), k)
        assert one.means() == other.means()


def test_a_seen_show_is_no_hit_though_it_was_liked() -> None:
    ratings: list[Rating] = [(1, 10, 10, False), (1, 20, 10, True)]
    found = evaluate(scorer([9, 5, 7, 1]), split(ratings), k=1)
    assert found.precision.tolist() == [0]
    assert found.coverage == 1 / 4


def test_lists_longer_than_the_catalogue_end_with_it() -> None:
    ratings: list[Rating] = [(1, 20, 10, True)]
    found = evaluate(scorer([1, 2, 3, 4]), split(ratings), k=10)
    assert found.precision.tolist() == [1 / 4]
    assert found.recall.tolist() == [1]


@pytest.mark.parametrize("rating", [7.0, 1.0, np.nan])
def test_nothing_liked_is_nothing_to_measure_by(rating: float) -> None:
    ratings: list[Rating] = [(1, 10, 10, False), (1, 20, rating, True)]
    with pytest.raises(NotEnoughDataError, match=r"of 2 ratings by 1 users"):
        evaluate(scorer([1, 2, 3, 4]), split(ratings), k=2)


def test_many_users_are_measured_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In more than one block of users."""
    monkeypatch.setattr(evaluation, "_CELLS", 1024 * 30)
    users, shows = 2500, list(range(30))
    random = np.random.default_rng(5)
    scores = random.normal(size=(users, len(shows))).astype(np.float32)
    ratings: list[Rating] = [
        (user, show, 9, place > 1)
        for user in range(users)
        for place, show in enumerate(random.permutation(30)[:4].tolist())
    ]
    found = evaluate(lambda rows: scores[rows], split(ratings, shows), k=5)
    for user in (0, 1, 1023, 1024, 2047, 2048, 2499):
        seen = [show for _, show, _, held in ratings[4 * user : 4 * user + 4] if not held]
        liked = [show for _, show, _, held in ratings[4 * user : 4 * user + 4] if held]
        fresh = [show for show in np.argsort(-scores[user]).tolist() if show not in seen]
        assert found.precision[user] == pytest.approx(len({*fresh[:5]} & {*liked}) / 5)


def test_popularity_is_the_same_for_everyone() -> None:
    popularity = np.array([3, 1, 2], dtype=np.float32)
    assert by_popularity(popularity)(np.array([5, 0])).tolist() == [[3, 1, 2], [3, 1, 2]]


def test_a_model_is_given_what_trained_as_history() -> None:
    """What is measured is what is served, to a user with those ratings."""
    made, data = trained(SHOWS), split(RATINGS)
    of_user = {0: rated((10, 9)), 1: rated((20, 9)), 2: rated((30, 10))}
    scores = by_model(made, data)(np.array([2, 0]))
    alone = [made.scores(made.history(of_user[user]))[0] for user in (2, 0)]
    assert scores == pytest.approx(np.stack(alone), rel=1e-5)


def test_a_model_of_other_shows_is_asked_by_id() -> None:
    made, data = trained([5, 10, 15, 20, 40, 90]), split(RATINGS)
    scores = by_model(made, data)(np.array([0, 1]))
    # Shows 10, 20, 40 are rows 1, 3, 4 of the model; 30 it does not know.
    for user, history in ((0, rated((10, 9))), (1, rated((20, 9)))):
        alone = made.scores(made.history(history))[0]
        assert scores[user, [0, 1, 3]] == pytest.approx(alone[[1, 3, 4]], rel=1e-5)
    assert scores[:, 2].tolist() == [-np.inf] * 2


def test_a_user_without_a_taste_gets_what_is_popular() -> None:
    """User 300 liked only a show that the model does not know."""
    made = trained([5, 10, 15, 20, 40, 90])
    scores = by_model(made, split(RATINGS))(np.array([2]))
    assert scores.tolist() == [[2, 4, -np.inf, 5]]


def test_a_show_that_the_model_does_not_know_is_not_recommended() -> None:
    data = split([(1, 40, 10, True)])
    found = evaluate(by_model(trained([10, 20, 30]), data), data, k=3)
    assert found.precision.tolist() == [0]
    assert found.coverage == 3 / 4


def test_nor_is_it_where_there_is_nothing_else_left() -> None:
    """The list is shorter than k then; the unknown show is no hit and not covered."""
    data = split([(1, 10, 9, False), (1, 40, 10, True)])
    found = evaluate(by_model(trained([10, 20, 30]), data), data, k=4)
    assert found.precision.tolist() == [0]
    assert found.coverage == 2 / 4


@given(
    ratings=st.dictionaries(
        st.tuples(st.sampled_from(range(12)), st.sampled_from(SHOWS)),
        st.tuples(st.sampled_from([3.0, 8.0, 10.0]), st.booleans()),
        min_size=1,
    ),
    first=st.sets(st.sampled_from(range(12))),
)
def test_the_evaluations_of_some_users_and_of_the_others_join_to_that_of_all(
    ratings: dict[tuple[int, int], tuple[float, bool]], first: set[int]
) -> None:
    """Whoever is in which part: what of all is to be known of all is told."""
    rows = [(*pair, *value) for pair, value in sorted(ratings.items())]
    everyone = split(rows)
    users = measured_users(everyone)
    assume(len(users))
    whole = Whole.of(raters_of_shows(everyone), users)
    model = trained(SHOWS)
    parts = [
        split([row for row in rows if (row[0] in first) == chosen])
        for chosen in {row[0] in first for row in rows}
    ]
    found = Evaluation.joined(
        [evaluate(by_model(model, part), part, 2, whole) for part in parts if who(part)]
    )
    wanted = evaluate(by_model(model, everyone), everyone, 2)
    ids = np.concatenate([who(part) for part in parts])
    order = np.argsort(ids)
    assert ids[order].tolist() == users.tolist()
    for name in ("lists", "hits", "relevant", "cold_user"):
        assert getattr(found, name)[order].tolist() == getattr(wanted, name).tolist()
    for name in ("auc", "cold_show_recall"):
        assert np.sort(getattr(found, name)).tolist() == np.sort(getattr(wanted, name)).tolist()


def who(part: Split) -> list[int]:
    return measured_users(part).tolist()
