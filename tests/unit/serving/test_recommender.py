"""The recommender: what users get from one version of the model and their own ratings."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.user_ratings import UserRatings
from mlproject.models.files import load_model, save_model
from mlproject.serving.recommender import Recommender
from tests.builders import factors, model, rated

NONE = UserRatings.none()


@pytest.fixture
def recommender() -> Recommender:
    return Recommender(7, model())


def shown(answer: dict[str, object]) -> list[int]:
    return [item[c.SHOW_ID] for item in answer["items"]]


def test_a_history_gets_shows_by_its_taste(recommender: Recommender) -> None:
    answer = recommender.recommend(2, rated((40, 10)), 3)
    assert answer["user_id"] == 2
    assert answer["model_version"] == 7
    assert answer["items"][0] == {
        c.SHOW_ID: 30,
        c.TITLE: "Show 30",
        c.GENRES: ["Drama"],
        "score": pytest.approx(14 / np.sqrt(2), abs=1e-4),
        "rank": 1,
    }
    assert shown(answer) == [30, 20, 10]


def test_biases_count() -> None:
    biased = Recommender(1, model(model=factors(show_biases=np.array([90, 0, 0, 0], np.float32))))
    assert shown(biased.recommend(2, rated((40, 10)), 1)) == [10]


def test_a_first_rating_changes_the_answer_at_once(recommender: Recommender) -> None:
    assert shown(recommender.recommend(2, NONE, 3)) == [30, 10, 20]
    assert shown(recommender.recommend(2, rated((40, 9)), 3)) == [30, 20, 10]


@pytest.mark.parametrize("user", [4, 0, 2**63 - 1, 2**70])
def test_whoever_has_rated_nothing_gets_what_is_popular(
    recommender: Recommender, user: int
) -> None:
    answer = recommender.recommend(user, NONE, 4)
    assert (answer["source"], answer["user_id"]) == ("popular", user)
    assert shown(answer) == [30, 10, 20, 40]


def test_dislikes_alone_get_what_is_popular_and_not_seen(recommender: Recommender) -> None:
    answer = recommender.recommend(3, rated((40, 1)), 4)
    assert answer["source"] == "popular"
    assert shown(answer) == [30, 10, 20]


@pytest.mark.parametrize(("shows", "source"), [(1, "folded-in"), (4, "folded-in")])
def test_a_few_ratings_are_folded_in(recommender: Recommender, shows: int, source: str) -> None:
    history = rated(*((show, 9) for show in (10, 20, 30, 40)[:shows]))
    assert recommender.recommend(1, history, 1)["source"] == source


def test_enough_ratings_are_personalized() -> None:
    large = Recommender(1, model(shows=range(1, 9)))
    assert large.recommend(1, rated(*((show, 9) for show in range(1, 6))), 1)["source"] == (
        "personalized"
    )


def test_a_seen_show_never_comes_back(recommender: Recommender) -> None:
    assert shown(recommender.recommend(1, rated((10, 9)), 4)) == [20, 30, 40]


def test_a_show_that_the_model_does_not_know_says_nothing(recommender: Recommender) -> None:
    with_unknown = recommender.recommend(1, rated((10, 9), (999, 10)), 4)
    assert with_unknown == recommender.recommend(1, rated((10, 9)), 4)


def test_more_shows_than_there_are_is_all_of_them(recommender: Recommender) -> None:
    assert shown(recommender.recommend(2, rated((40, 10)), 100)) == [30, 20, 10]


def test_a_user_who_has_seen_everything_gets_nothing(recommender: Recommender) -> None:
    everything = rated((10, 9), (20, 1), (30, 0), (40, 5))
    assert recommender.recommend(1, everything, 10)["items"] == []


def test_equal_scores_rank_by_id_at_every_length() -> None:
    tied = Recommender(1, model(model=factors(show_vectors=np.ones((4, 2), np.float16))))
    assert [shown(tied.recommend(2, rated((40, 9)), length)) for length in range(1, 4)] == [
        [10],
        [10, 20],
        [10, 20, 30],
    ]


def test_an_answer_changes_nothing(recommender: Recommender) -> None:
    histories = (rated((10, 9)), rated((40, 9)), NONE)
    answers = [recommender.recommend(1, history, 4) for history in (*histories, *histories)]
    assert answers[:3] == answers[3:]


@given(
    st.integers(0, 2**63 - 1),
    st.dictionaries(st.integers(0, 50), st.integers(0, 10)),
    st.integers(1, 6),
)
def test_any_answer_is_json(user: int, history: dict[int, int], length: int) -> None:
    answer = Recommender(1, model()).recommend(user, rated(*history.items()), length)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert len(shown(answer)) <= length
    assert not history.keys() & set(shown(answer))


def test_a_model_from_disk_answers_alike(recommender: Recommender, tmp_path: Path) -> None:
    """The arrays are then mapped and read-only."""
    save_model(model(), tmp_path)
    mapped = Recommender(7, load_model(tmp_path))
    mapped.warm_up()
    for history in (NONE, rated((10, 9)), rated((40, 9), (30, 2))):
        assert mapped.recommend(1, history, 4) == recommender.recommend(1, history, 4)


def test_a_title_is_known_of_shows_of_the_model_only(recommender: Recommender) -> None:
    assert recommender.card(30)["title"] == "Show 30"
    assert recommender.card(31) == {}
