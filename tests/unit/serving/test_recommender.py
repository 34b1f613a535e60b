"""The recommender: what users get from one version of the model."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.ids import IdMap
from mlproject.models.files import load_model, save_model
from mlproject.serving.recommender import Recommender
from tests.builders import model


@pytest.fixture
def recommender() -> Recommender:
    return Recommender(7, model())


def shown(answer: dict[str, object]) -> list[int]:
    return [item[c.SHOW_ID] for item in answer["items"]]


def test_a_known_user_gets_shows_by_their_taste(recommender: Recommender) -> None:
    answer = recommender.recommend(2, 3)
    assert answer["user_id"] == 2
    assert answer["model_version"] == 7
    assert answer["source"] == "personalized"
    assert answer["items"][0] == {
        c.SHOW_ID: 40,
        c.TITLE: "Show 40",
        c.GENRES: ["Drama"],
        "score": 4.0,
    }
    assert shown(answer) == [40, 30, 20]


def test_biases_count(recommender: Recommender) -> None:
    biased = model(show_biases=np.array([9, 0, 0, 0], np.float32))
    assert shown(recommender.recommend(2, 1)) == [40]
    assert shown(Recommender(1, biased).recommend(2, 1)) == [10]


@pytest.mark.parametrize("user", [4, 0, 2**63 - 1, 2**70])
def test_an_unknown_user_gets_what_is_popular(recommender: Recommender, user: int) -> None:
    answer = recommender.recommend(user, 4)
    assert answer["source"] == "popular"
    assert answer["user_id"] == user
    assert shown(answer) == [30, 10, 20, 40]


def test_a_user_of_no_known_taste_gets_what_is_popular_and_not_seen(
    recommender: Recommender,
) -> None:
    answer = recommender.recommend(3, 4)
    assert answer["source"] == "popular"
    assert shown(answer) == [30, 10, 20]


def test_a_seen_show_never_comes_back(recommender: Recommender) -> None:
    assert shown(recommender.recommend(1, 4)) == [20, 30, 40]


def test_more_shows_than_there_are_is_all_of_them(recommender: Recommender) -> None:
    assert shown(recommender.recommend(2, 100)) == [40, 30, 20, 10]


def test_a_user_who_has_seen_everything_gets_nothing() -> None:
    everything = model(seen_indptr=np.array([0, 4, 4, 4]), seen_rows=np.arange(4, dtype=np.int32))
    assert Recommender(1, everything).recommend(1, 10)["items"] == []


def test_equal_scores_rank_by_id_at_every_length() -> None:
    tied = Recommender(1, model(show_factors=np.ones((4, 2), np.float32)))
    assert [shown(tied.recommend(2, length)) for length in range(1, 5)] == [
        [10],
        [10, 20],
        [10, 20, 30],
        [10, 20, 30, 40],
    ]


def test_an_answer_changes_nothing(recommender: Recommender) -> None:
    answers = [recommender.recommend(user, 4) for user in (1, 2, 3, 99, 1, 2, 3, 99)]
    assert answers[:4] == answers[4:]


@given(st.integers(0, 2**63 - 1), st.integers(1, 6))
def test_any_answer_is_json(user: int, length: int) -> None:
    answer = Recommender(1, model()).recommend(user, length)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert len(shown(answer)) <= length


def test_a_model_from_disk_answers_alike(recommender: Recommender, tmp_path: Path) -> None:
    """The arrays are then mapped and read-only."""
    save_model(model(), tmp_path)
    mapped = Recommender(7, load_model(tmp_path))
    mapped.warm_up()
    for user in (1, 2, 3, 99):
        assert mapped.recommend(user, 4) == recommender.recommend(user, 4)
        json.dumps(mapped.recommend(user, 4))


def test_a_model_without_users_warms_up() -> None:
    nobody = model(
        users=IdMap.of([]),
        user_factors=np.zeros((0, 2), np.float32),
        seen_indptr=np.zeros(1, np.int64),
        seen_rows=np.zeros(0, np.int32),
    )
    Recommender(1, nobody).warm_up()
    assert Recommender(1, nobody).recommend(1, 1)["source"] == "popular"


def test_what_was_rated_since_is_left_out(recommender: Recommender) -> None:
    assert shown(recommender.recommend(2, 3, rated=[40, 999])) == [30, 20, 10]
    assert shown(recommender.recommend(99, 4, rated=[30])) == [10, 20, 40]
    assert shown(recommender.recommend(2, 1)) == [40]


def test_a_title_is_known_of_shows_of_the_model_only(recommender: Recommender) -> None:
    assert recommender.title(30) == "Show 30"
    assert recommender.title(31) is None
