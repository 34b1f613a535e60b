"""The web application, behind its entrance: a status and a JSON object for every request."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mlproject.core import columns as c
from mlproject.serving.application import serving
from mlproject.serving.entrance import Entrance
from mlproject.serving.recommender import Recommender
from mlproject.serving.requests import LARGEST_BODY
from mlproject.testing import MemoryStore
from tests.builders import model

ROUTES = "GET /docs.json says what there is"
JSON = {"Content-Type": "application/json"}
TOO_LARGE = f"the body is larger than {LARGEST_BODY} bytes"


def counted(app: FastAPI) -> dict[tuple[str, str, str], float]:
    """How many requests were counted, by route, source and outcome."""
    (family,) = serving(app).metrics._request_seconds.collect()
    return {
        (sample.labels["route"], sample.labels["source"], sample.labels["outcome"]): sample.value
        for sample in family.samples
        if sample.name.endswith("_count")
    }


def problem(answer: Any) -> str:
    """The sentence of a problem, which is one in form too."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert told.keys() == {"type", "title", "status", "detail", "error"}
    assert told["status"] == answer.status_code
    assert told["detail"] == told["error"]
    return told["detail"]


def test_nothing_is_open_but_from_its_start_to_its_end(
    app: FastAPI, watcher: Any, opened: list[Any]
) -> None:
    assert not opened
    with TestClient(app):
        assert opened
        assert watcher.told == ["start"]
    assert not opened
    assert watcher.told == ["start", "stop"]


def test_the_version_that_is_served_is_a_metric(
    app: FastAPI, client: TestClient, watcher: Any
) -> None:
    def gauge() -> float:
        (family,) = serving(app).metrics.model_version.collect()
        return family.samples[0].value

    assert gauge() == 0
    before = time.time()
    watcher.on_swap(7)
    assert gauge() == 7
    metrics = serving(app).metrics
    values = {sample.name: sample.value for metric in (metrics.swaps, metrics.model_loaded)
              for family in metric.collect() for sample in family.samples}  # fmt: skip
    assert values["tvrec_model_swaps_total"] == 1
    assert values["tvrec_model_loaded_timestamp_seconds"] >= before


def test_a_user_gets_shows(client: TestClient, app: FastAPI) -> None:
    serving(app).histories.ratings[2] = {10: 9}
    answer = client.post("/recommend", json={"user_id": 2, "num_items": 2})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert (told["user_id"], told["model_version"], told["source"]) == (2, 3, "folded-in")
    assert [item[c.SHOW_ID] for item in told["items"]] == [20, 30]
    assert told["position"] == {"snapshot": 0, "offsets": {}, "beyond": []}


def test_the_number_of_shows_may_be_left_out(client: TestClient) -> None:
    answer = client.post("/recommend", content=b'{"user_id": 99}', headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["source"] == "popular"


def test_titles_keep_their_letters(client: TestClient, watcher: Any) -> None:
    cards = tuple({c.SHOW_ID: row, c.TITLE: "日本 ünï"} for row in (10, 20, 30, 40))
    watcher.current = Recommender(1, model(cards=cards))
    answer = client.post("/recommend", json={"user_id": 1})
    assert answer.json()["items"][0][c.TITLE] == "日本 ünï"
    assert "日本" in answer.content.decode()


def test_the_next_answer_is_by_the_new_version(client: TestClient, watcher: Any) -> None:
    watcher.current = Recommender(4, model())
    assert client.post("/recommend", json={"user_id": 1}).json()["model_version"] == 4


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "the body is not JSON"),
        ("user_id=1", "the body is not JSON"),
        ("[1]", "the body is not a JSON object"),
        ("{}", "user_id or history is missing"),
        ('{"user_id": "ann"}', "user_id must be a whole number from 0 to 9223372036854775807"),
        ('{"user_id": 1, "num_items": 51}', "num_items must be a whole number from 1 to 50"),
        ('{"user_id": 1, "items": 5}', "'items' is no field of this request"),
    ],
)
def test_a_bad_body_is_400_with_a_sentence(client: TestClient, body: str, sentence: str) -> None:
    answer = client.post("/recommend", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


def test_bytes_that_are_no_text_are_400(client: TestClient) -> None:
    answer = client.post("/recommend", content=b'{"user_id": "\xff\xfe"}', headers=JSON)
    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize("path", ["/recommendations", "/recommend/1", "/docs", "/pages"])
def test_another_path_is_404(client: TestClient, path: str) -> None:
    answer = client.post(path, json={"user_id": 1})
    assert answer.status_code == 404
    assert problem(answer) == f"there is no POST {path}; {ROUTES}"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405(client: TestClient, method: str) -> None:
    answer = client.request(method, "/recommend")
    assert answer.status_code == 405
    assert problem(answer) == f"there is no {method} /recommend; {ROUTES}"


def test_405_names_the_method_that_is_allowed(client: TestClient) -> None:
    """As RFC 9110, section 15.5.6, asks for."""
    assert client.get("/recommend").headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/model", "/shows?q=x", "/users/1/ratings", "/docs.json", "/"])
def test_head_is_answered_as_get_is(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers == get.headers


def test_405_names_head_beside_get(client: TestClient) -> None:
    assert client.post("/model", json={}).headers["allow"] == "GET, HEAD"
    assert client.post("/livez", json={}).headers["allow"] == "GET, HEAD"
    assert client.head("/recommend").headers["allow"] == "POST"


def test_a_large_body_is_413(client: TestClient) -> None:
    answer = client.post("/recommend", content=b" " * (LARGEST_BODY + 1), headers=JSON)
    assert answer.status_code == 413
    assert problem(answer) == TOO_LARGE


def test_a_large_body_of_unknown_length_is_413_before_it_ends(client: TestClient) -> None:
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b" " * 1000

    answer = client.post("/recommend", content=body(), headers=JSON)
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 413
    assert problem(answer) == TOO_LARGE


def test_the_largest_body_is_read(client: TestClient) -> None:
    body = json.dumps({"user_id": 1}).ljust(LARGEST_BODY)
    assert client.post("/recommend", content=body, headers=JSON).status_code == 200


def test_without_a_model_it_is_503(client: TestClient, watcher: Any) -> None:
    watcher.current = None
    answer = client.post("/recommend", json={"user_id": 1})
    assert answer.status_code == 503
    assert problem(answer) == "no model is in production yet; try again in a minute"
    assert answer.headers["retry-after"] == "5"
    assert client.get("/recommend").status_code == 405


def test_a_surprise_is_500_and_json(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recommender, "answer", lambda *_: 1 / 0)
    with TestClient(Entrance(app, app)) as client:
        answer = client.post("/recommend", json={"user_id": 1})
    assert answer.status_code == 500
    assert "error" in answer.json()


RATING = {"user_id": 2, "show_id": 40, "rating": 8}


def test_a_rating_is_201_with_its_place_once_it_is_stored(
    client: TestClient, store: MemoryStore
) -> None:
    answer = client.post("/rate", json=RATING)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["topic"], told["partition"], told["offset"]) == ("ratings", 1000, 0)
    assert told["title"] == "Show 40"
    (content,) = store.objects.values()
    assert json.loads(content)["event_id"] == told["event_id"]


def test_a_show_that_the_model_does_not_know_is_taken(client: TestClient) -> None:
    answer = client.post("/rate", json={**RATING, "show_id": 777})
    assert answer.status_code == 201
    assert answer.json()["title"] is None


def test_ratings_are_taken_before_there_is_a_model(client: TestClient, watcher: Any) -> None:
    watcher.current = None
    answer = client.post("/rate", json=RATING)
    assert answer.status_code == 201
    assert answer.json()["title"] is None


def test_what_a_user_has_rated_is_not_recommended_to_them_again(client: TestClient) -> None:
    def shows(user: int) -> list[int]:
        answer = client.post("/recommend", json={"user_id": user}).json()
        return [item[c.SHOW_ID] for item in answer["items"]]

    assert shows(2) == [30, 10, 20, 40]
    client.post("/rate", json=RATING)
    assert shows(2) == [30, 20, 10]
    assert 40 in shows(1)
    position = client.post("/recommend", json={"user_id": 2}).json()["position"]
    assert position["offsets"] == {"1000": 1}


def test_what_is_not_stored_is_503_and_may_be_sent_again(
    client: TestClient, store: MemoryStore
) -> None:
    store.broken = True
    answer = client.post("/rate", json=RATING)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["error"].endswith("it may still arrive, so send it again")
    shown = client.post("/recommend", json={"user_id": 2}).json()["items"]
    assert len(shown) == 4, "nothing was rated"
    store.broken = False
    assert client.post("/rate", json=RATING).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ("", 400, "the body is not JSON"),
        ('{"user_id": 1, "show_id": 2, "rating": 11}', 400, "rating must be a whole number"),
        (" " * (LARGEST_BODY + 1), 413, TOO_LARGE),
    ],
)
def test_a_bad_rating_is_refused_and_stored_nowhere(
    client: TestClient, store: MemoryStore, body: str, status: int, sentence: str
) -> None:
    answer = client.post("/rate", content=body, headers=JSON)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(sentence)
    assert not store.objects


def test_requests_are_counted_by_their_outcome(
    app: FastAPI,
    client: TestClient,
    store: MemoryStore,
    watcher: Any,
) -> None:
    client.post("/rate", json=RATING)
    client.post("/rate", json={})
    client.post("/rate", content=b" " * (LARGEST_BODY + 1), headers=JSON)
    store.broken = True
    client.post("/rate", json=RATING)
    client.post("/recommend", json={"user_id": 2})
    client.post("/recommend", json={"user_id": 99})
    client.post("/recommend", json={})
    client.post("/recommend", content=b" " * (LARGEST_BODY + 1), headers=JSON)
    watcher.current = None
    client.post("/recommend", json={"user_id": 2})
    client.get("/nowhere")
    assert counted(app) == {
        ("/rate", "", "answered"): 1,
        ("/rate", "", "refused"): 2,
        ("/rate", "", "failed"): 1,
        ("/recommend", "folded-in", "answered"): 1,
        ("/recommend", "popular", "answered"): 1,
        ("/recommend", "", "refused"): 2,
        ("/recommend", "", "failed"): 1,
        ("other", "", "refused"): 1,
    }


@pytest.mark.parametrize(
    ("has_model", "is_loaded", "ready"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_it_is_ready_with_a_model_and_histories(
    app: FastAPI,
    client: TestClient,
    watcher: Any,
    *,
    has_model: bool,
    is_loaded: bool,
    ready: bool,
) -> None:
    assert client.post("/recommend", json={"user_id": 1}).status_code == 200
    if not has_model:
        watcher.current = None
    serving(app).histories.is_loaded = is_loaded
    assert serving(app).is_ready is ready


def test_how_well_histories_are_known_is_a_metric(app: FastAPI, client: TestClient) -> None:
    assert client.post("/recommend", json={"user_id": 1}).status_code == 200
    now = serving(app)
    now.metrics.show(
        replace(now.histories.status, lag_seconds=1.5, ratings=7, live_ratings=2),
        now.histories.position,
    )
    told = {
        (sample.name, sample.labels.get("where", "")): sample.value
        for gauge in (now.metrics.history_lag, now.metrics.history_ratings)
        for family in gauge.collect()
        for sample in family.samples
    }
    assert told == {
        ("tvrec_history_lag_seconds", ""): 1.5,
        ("tvrec_history_ratings", "files"): 7,
        ("tvrec_history_ratings", "memory"): 2,
    }
