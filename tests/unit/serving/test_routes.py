"""The routes beyond /recommend and /rate, and the document that all of them are held to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mlproject.core import columns as c
from mlproject.serving import contract
from mlproject.serving.application import serving
from mlproject.serving.recommender import Recommender
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryStore
from tests.builders import model

CARDS = (
    {c.SHOW_ID: 10, c.TITLE: "Dark", c.GENRES: ["Drama", "Mystery"], c.TYPE: "Scripted"},
    {c.SHOW_ID: 20, c.TITLE: "Élite", c.GENRES: ["Drama"], c.TYPE: "Scripted"},
    {c.SHOW_ID: 30, c.TITLE: "The Dark Side", c.GENRES: ["Comedy"], c.TYPE: "Animation"},
    {c.SHOW_ID: 40, c.TITLE: "Dark Matter", c.GENRES: [], c.NETWORK: "Syfy"},
)


@pytest.fixture(autouse=True)
def _shows(watcher: Any) -> None:
    watcher.current = Recommender(3, model(cards=CARDS), {"loaded_at": "2025-01-01T00:00:00Z"})


def shown(client: TestClient, **asked: Any) -> list[int]:
    answer = client.post("/recommend", json=asked)
    assert answer.status_code == 200, answer.json()
    return [item[c.SHOW_ID] for item in answer.json()["items"]]


def test_a_history_is_answered_as_a_user_with_these_ratings_is(
    client: TestClient, app: FastAPI
) -> None:
    serving(app).histories.ratings[2] = {40: 10, 10: 0}
    known = client.post("/recommend", json={"user_id": 2}).json()
    history = [{"show_id": 40, "rating": 10}, {"show_id": 10}]
    brought = client.post("/recommend", json={"history": history}).json()
    assert brought["user_id"] is None
    assert "position" not in brought
    assert (brought["items"], brought["source"]) == (known["items"], known["source"])


def test_of_a_show_that_is_twice_in_a_history_the_last_rating_counts(client: TestClient) -> None:
    twice = [{"show_id": 40, "rating": 1}, {"show_id": 40, "rating": 10}]
    once = [{"show_id": 40, "rating": 10}]
    assert client.post("/recommend", json={"history": twice}).json() == (
        client.post("/recommend", json={"history": once}).json()
    )


@pytest.mark.parametrize(
    ("wish", "shows"),
    [
        ({}, [30, 20, 10]),
        ({"exclude_seen": False}, [40, 30, 20, 10]),
        ({"genres": ["drama"]}, [20, 10]),
        ({"genres": ["Drama", "Comedy"]}, [30, 20, 10]),
        ({"types": ["Animation"]}, [30]),
        ({"genres": ["Drama"], "types": ["Animation"]}, []),
        ({"exclude_show_ids": [30, 777]}, [20, 10]),
        ({"num_items": 1}, [30]),
    ],
)
def test_only_shows_that_are_wished_for_are_recommended(
    client: TestClient, wish: dict[str, Any], shows: list[int]
) -> None:
    assert shown(client, history=[{"show_id": 40, "rating": 9}], **wish) == shows


def test_an_unknown_genre_is_named_with_the_nearest(client: TestClient) -> None:
    answer = client.post("/recommend", json={"user_id": 1, "genres": ["Darma"]})
    assert answer.status_code == 400
    assert answer.json()["error"] == "no show has the genre 'Darma', did you mean 'Drama'?"
    answer = client.post("/recommend", json={"user_id": 1, "types": ["scriptet"]})
    assert answer.json()["error"] == "no show has the type 'scriptet', did you mean 'Scripted'?"


def test_diversity_lets_another_genre_come_sooner(client: TestClient) -> None:
    history = [{"show_id": 40, "rating": 9}]
    assert shown(client, history=history, exclude_show_ids=[30]) == [20, 10]
    every = shown(client, history=history, exclude_seen=False, diversity=1.0)
    assert sorted(every) == [10, 20, 30, 40]
    assert every[:3] in ([40, 30, 20], [40, 30, 10])


def test_ranks_count_from_one(client: TestClient) -> None:
    items = client.post("/recommend", json={"user_id": 1}).json()["items"]
    assert [item["rank"] for item in items] == [1, 2, 3, 4]


def test_a_reason_names_what_was_rated_and_what_was_merely_watched(client: TestClient) -> None:
    def reason(**show: int) -> Any:
        asked = {"history": [{"show_id": 40, **show}], "explain": True}
        return client.post("/recommend", json=asked).json()["items"][0]["reason"]

    assert reason(rating=9) == {
        "text": "because you rated Dark Matter",
        "show_ids": [40],
        "titles": ["Dark Matter"],
    }
    assert reason()["text"] == "because you watched Dark Matter"


def test_what_is_merely_popular_has_no_reason(client: TestClient) -> None:
    answer = client.post("/recommend", json={"user_id": 1, "explain": True}).json()
    assert [item["reason"] for item in answer["items"]] == [None] * 4


def test_of_a_batch_each_has_its_answer_or_its_problem(client: TestClient) -> None:
    requests = [{"user_id": 1}, {"user": 1}, {"user_id": 1, "genres": ["X"]}, 7]
    answer = client.post("/recommend/batch", json={"requests": requests})
    assert answer.status_code == 200
    good, misspelt, genre, number = answer.json()["answers"]
    assert good == client.post("/recommend", json={"user_id": 1}).json()
    assert misspelt["error"].startswith("requests[1]: 'user' is no field of this request")
    assert genre["error"] == "requests[2]: no show has the genre 'X'"
    assert (number["status"], number["error"][:11]) == (400, "requests[3]")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/recommend", '{"user_id": 1, "user_id": 2}'),
        ("POST", "/recommend/batch", '{"requests": [{"user_id": 1, "user_id": 2}]}'),
        ("POST", "/similar", '{"show_id": 10, "show_id": 20}'),
        ("POST", "/rate", '{"user_id": 1, "show_id": 10, "rating": 1, "rating": 9}'),
        ("DELETE", "/rate", '{"user_id": 1, "user_id": 2, "show_id": 10}'),
    ],
)
def test_a_field_that_is_there_twice_is_refused(
    client: TestClient, store: MemoryStore, method: str, path: str, body: str
) -> None:
    answer = client.request(
        method, path, content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("is given twice; leave one out")
    assert not store.objects


RATING = '{"user_id": 1, "show_id": 10, "rating": 5}'


@pytest.mark.parametrize(
    "body",
    [
        RATING.encode("utf-16"),
        RATING.encode("utf-16-le"),
        RATING.encode("utf-8-sig"),
        RATING.encode("utf-32"),
        RATING.encode()[:-1] + b"\xff}",
        b"[" * 10_000,
        b'{"requests": ["\\ud800"], "user_id": "\\ud800", "show_id": 1, "rating": 1}',
        b'{"requests": [{"user_id": 1, "genres": ["\\ud800"]}]}',
        b'{"user_id": 1, "show_id": 10, "rating": ' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("path", ["/rate", "/recommend", "/recommend/batch", "/similar"])
def test_what_is_no_json_in_utf_8_is_refused_by_every_route(
    client: TestClient, store: MemoryStore, path: str, body: bytes
) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not store.objects


@pytest.mark.parametrize("requests", [[], [{"user_id": 1}] * 101])
def test_a_batch_is_bounded(client: TestClient, requests: list[Any]) -> None:
    answer = client.post("/recommend/batch", json={"requests": requests})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("requests must be a list of 1 to 100 requests")


def test_similar_shows_are_not_the_show_itself(client: TestClient) -> None:
    told = client.post("/similar", json={"show_id": 40, "num_items": 2}).json()
    assert (told["show_id"], told["title"], told["model_version"]) == (40, "Dark Matter", 3)
    assert [item[c.SHOW_ID] for item in told["items"]] == [30, 20]


def unrated(client: TestClient, user_id: int, show_id: int) -> Any:
    return client.request("DELETE", "/rate", json={"user_id": user_id, "show_id": show_id})


def test_a_rating_that_is_taken_back_is_as_though_never_given(
    client: TestClient, store: MemoryStore
) -> None:
    client.post("/rate", json={"user_id": 2, "show_id": 40, "rating": 9})
    assert 40 not in shown(client, user_id=2)
    answer = unrated(client, 2, 40)
    assert answer.status_code == 200
    contract.TakenBack.model_validate(answer.json(), strict=True)
    assert client.get("/users/2/ratings").json()["ratings"] == []
    assert 40 in shown(client, user_id=2)
    # As the snapshot has it, and so every model from then on.
    state, _ = ingest(store)
    assert len(state.of_user(2)) == 0
    # It may be rated anew.
    client.post("/rate", json={"user_id": 2, "show_id": 40, "rating": 3})
    (rating,) = client.get("/users/2/ratings").json()["ratings"]
    assert (rating["show_id"], rating["rating"]) == (40, 3)


def test_a_rating_that_is_none_cannot_be_taken_back(client: TestClient, store: MemoryStore) -> None:
    answer = unrated(client, 2, 40)
    assert answer.status_code == 404
    assert answer.json()["error"] == "user 2 has no rating of show 40"
    assert not store.objects


def test_a_user_can_see_their_ratings(client: TestClient, app: FastAPI) -> None:
    serving(app).histories.ratings[2] = {10: 9, 20: 0, 777: 3}
    told = client.get("/users/2/ratings").json()
    assert told["ratings"] == [
        {"show_id": 10, "title": "Dark", "genres": ["Drama", "Mystery"], "rating": 9},
        {"show_id": 20, "title": "Élite", "genres": ["Drama"], "rating": None},
        {"show_id": 777, "title": None, "genres": [], "rating": 3},
    ]


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("dark", [10, 40, 30]),
        ("DARK m", [40]),
        ("elite", [20]),
        ("ÉLI", [20]),
        (" the  dark ", [30]),
        ("side", [30]),
        ("x", []),
        ("", [30, 10, 20, 40]),
        ("\n", [30, 10, 20, 40]),
    ],
)
def test_titles_are_found_without_case_and_accents_and_those_that_begin_so_first(
    client: TestClient, text: str, shows: list[int]
) -> None:
    found = client.get("/shows", params={"q": text}).json()["shows"]
    assert [show[c.SHOW_ID] for show in found] == shows


def test_so_many_shows_are_found_as_asked_for(client: TestClient) -> None:
    found = client.get("/shows", params={"q": "dark", "limit": 2}).json()["shows"]
    assert [show[c.SHOW_ID] for show in found] == [10, 40]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/shows?limit=0", 400, 'limit must be a whole number from 1 to 100, got "0"'),
        ("/shows?limt=5", 400, "'limt' is no field of this request"),
        ("/shows?q=a&q=b", 400, "'q' is given twice; leave one out"),
        ("/shows/777", 404, "version 3 knows no show 777"),
        ("/shows/1_0", 400, "show_id must be a whole number from 0 to"),
        ("/shows/10.0", 400, "show_id must be a whole number from 0 to"),
        ("/shows/+10", 400, "show_id must be a whole number from 0 to"),
        ("/shows/٣", 400, "show_id must be a whole number from 0 to"),
        ("/users/1.0/ratings", 400, "user_id must be a whole number from 0 to"),
        ("/shows?limit=5.0", 400, 'limit must be a whole number from 1 to 100, got "5.0"'),
        ("/shows?limit=", 400, 'limit must be a whole number from 1 to 100, got ""'),
        ("/shows/x", 400, "show_id must be a whole number from 0 to"),
        ("/shows/-1", 400, "show_id must be a whole number from 0 to"),
        ("/users/x/ratings", 400, "user_id must be a whole number from 0 to"),
        ("/shows/10/", 404, "there is no GET /shows/10/"),
    ],
)
def test_a_bad_address_gets_a_sentence(
    client: TestClient, path: str, status: int, sentence: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"].startswith(sentence)


def test_a_show_and_the_model_can_be_looked_at(client: TestClient) -> None:
    assert client.get("/shows/40").json() == CARDS[3]
    told = client.get("/model").json()
    assert (told["version"], told["kind"], told["shows"]) == (3, "factors", 4)
    assert datetime.fromisoformat(told["loaded_at"]).tzinfo == UTC


def test_without_a_model_the_rest_is_503_and_ratings_are_told(
    client: TestClient, watcher: Any
) -> None:
    watcher.current = None
    for path in ("/shows", "/shows/1", "/model"):
        assert client.get(path).status_code == 503, path
    assert client.post("/similar", json={"show_id": 1}).status_code == 503
    assert client.post("/recommend/batch", json={"requests": [{}]}).status_code == 503
    assert client.get("/users/2/ratings").status_code == 200


def test_every_answer_is_of_its_model(client: TestClient, app: FastAPI) -> None:
    """They are put together by hand; the document says what these models say."""
    serving(app).histories.ratings[2] = {40: 9}
    body: dict[str, Any] = {"user_id": 2, "explain": True}
    recommended = client.post("/recommend", json=body).json()
    for kind, told in (
        (contract.Recommendations, recommended),
        (contract.BatchAnswers, {"answers": [recommended]}),
        (contract.SimilarShows, client.post("/similar", json={"show_id": 10}).json()),
        (contract.RatingsOfUser, client.get("/users/2/ratings").json()),
        (contract.FoundShows, client.get("/shows").json()),
        (contract.ShowCard, client.get("/shows/40").json()),
        (contract.ModelInProduction, client.get("/model").json()),
        (contract.Problem, client.get("/shows/x").json()),
        (
            contract.TakenRating,
            client.post("/rate", json={"user_id": 1, "show_id": 10, "rating": 5}).json(),
        ),
    ):
        again = kind.model_validate(told, strict=True).model_dump(exclude_unset=True)
        assert again == told, kind


def test_the_application_answers_alike_without_its_entrance(
    client: TestClient, app: FastAPI
) -> None:
    bare = TestClient(app)
    for body in ({"user_id": 1}, {"user_id": 1, "num_items": 0}, {"history": []}, [], {}):
        direct, entered = bare.post("/recommend", json=body), client.post("/recommend", json=body)
        assert (direct.status_code, direct.content) == (entered.status_code, entered.content)


def test_the_document_tells_of_every_route(client: TestClient) -> None:
    document = client.get("/docs.json").json()
    told = {(path, method) for path, item in document["paths"].items() for method in item}
    assert told == {
        ("/recommend", "post"),
        ("/recommend/batch", "post"),
        ("/similar", "post"),
        ("/rate", "post"),
        ("/rate", "delete"),
        ("/users/{user_id}/ratings", "get"),
        ("/shows", "get"),
        ("/shows/{show_id}", "get"),
        ("/model", "get"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    }
