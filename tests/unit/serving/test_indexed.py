"""A version whose shows are in an index answers as one that scores them all."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from mlproject.core import columns as c
from mlproject.core.user_ratings import UserRatings
from mlproject.models.vector_index import RECALL, VectorIndex
from mlproject.serving.recommender import Recommender, Wish
from tests.builders import model, rated

SHOWS = 40_000
GENRES = ("Drama", "Crime")
VERSION = model(
    range(SHOWS),
    cards=tuple(
        {c.SHOW_ID: n, c.TITLE: str(n), c.GENRES: [GENRES[n % 2]], c.TYPE: "abc"[n % 3]}
        for n in range(SHOWS)
    ),
)
HISTORY = rated((7, 9), (23, 8), (31, 10))


@pytest.fixture(scope="module")
def index() -> VectorIndex:
    made = VectorIndex.of(VERSION)
    assert made is not None
    # It looks at all lists, so it misses nothing.
    return replace(made, looked_at=made.lists.nlist)


WISHES = [
    Wish(10),
    Wish(10, exclude_seen=False),
    Wish(10, exclude_show_ids=(1, 2, 3, 999_999)),
    Wish(10, genres=("drama",)),
    Wish(10, types=("a",)),
    Wish(10, genres=("crime", "drama"), types=("b", "c"), exclude_show_ids=(4,)),
    Wish(10, diversity=0.5),
    Wish(10, explain=True),
    Wish(500),
]


@pytest.fixture(scope="module")
def indexed(index: VectorIndex) -> Recommender:
    return Recommender(1, VERSION, index=index)


@pytest.fixture(scope="module")
def plain() -> Recommender:
    return Recommender(1, VERSION)


@pytest.mark.parametrize("wish", WISHES)
def test_the_answer_is_the_same(plain: Recommender, indexed: Recommender, wish: Wish) -> None:
    for history in (HISTORY, rated((7, 1)), UserRatings.none()):
        assert indexed.answer(1, history, wish).body == plain.answer(1, history, wish).body


def test_the_index_is_what_is_asked(plain: Recommender, index: VectorIndex) -> None:
    """One that looks at less finds other shows."""
    narrow = Recommender(1, VERSION, index=replace(index, looked_at=1))
    history = VERSION.history(HISTORY)
    assert narrow.rank(history, 100)[0].tolist() != plain.rank(history, 100)[0].tolist()


def test_the_model_tells_of_its_index(
    client: TestClient, watcher: Any, indexed: Recommender
) -> None:
    assert "index" not in client.get("/model").json()
    watcher.current = indexed
    told = client.get("/model").json()["index"]
    assert (told["lists"], told["looked_at"]) == (200, 200)
    assert RECALL <= told["recall_at_10"] <= 1
