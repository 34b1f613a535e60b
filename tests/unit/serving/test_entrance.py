"""The entrance: who is let in, what is counted, and how connections end."""

import asyncio
import hashlib
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mlproject import config
from mlproject.config import Settings
from mlproject.serving.application import serving
from mlproject.serving.entrance import Entrance
from mlproject.testing import MemoryStore

TOKEN = "a long token of the service"
BODY = {"user_id": 1}


def strict(**more: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", [config.load(**more)])


with_token = strict(token_sha256=hashlib.sha256(TOKEN.encode()).hexdigest())


@with_token
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer", 401),
        ("Bearer wrong", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
    ],
)
def test_who_has_no_token_is_not_let_in(
    client: TestClient, settings: Settings, header: str | None, status: int
) -> None:
    headers = {"Authorization": header} if header else {}
    for answer in (
        client.post("/recommend", json=BODY, headers=headers),
        client.get("/model", headers=headers),
    ):
        assert answer.status_code == status
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert TOKEN not in repr(settings)


@strict(rate_limit=1)
def test_the_files_of_the_page_do_not_count_for_the_limit(client: TestClient) -> None:
    for _ in range(10):
        assert client.get("/page/main.js").status_code == 200


@with_token
def test_the_page_can_be_seen_without_a_token_and_ask_for_it(client: TestClient) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/page/main.js").status_code == 200
    assert client.get("/page/none.js").status_code == 404


@with_token
def test_the_document_needs_no_token(client: TestClient) -> None:
    assert client.get("/docs.json").status_code == 200


@strict(rate_limit=1)
def test_who_asks_too_much_is_told_when_to_come_back(client: TestClient) -> None:
    answers = [client.post("/recommend", json=BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["error"] == "too many requests; try again in 1 s"


@pytest.mark.parametrize("path", ["/recommend", "/rate", "/similar"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_another_sites_page_cannot_send_what_is_taken_for_json(
    client: TestClient, store: MemoryStore, path: str, kind: str | None
) -> None:
    body = b'{"user_id": 1, "show_id": 10, "rating": 5}'
    headers = {"Content-Type": kind} if kind else {}
    assert client.post(path, content=body, headers=headers).status_code == 415
    assert not store.objects


def test_the_charset_of_json_may_be_told(client: TestClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/recommend", content=b'{"user_id": 1}', headers=headers).status_code == 200


def test_no_other_site_may_read_an_answer(client: TestClient) -> None:
    answer = client.get("/shows", headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_nobody_is_led_to_another_host(client: TestClient) -> None:
    headers = {"Host": "elsewhere.example"}
    for path in ("/model/", "/shows/", "http://testserver//elsewhere.example/"):
        answer = client.get(path, headers=headers, follow_redirects=False)
        assert answer.status_code == 404
        assert "location" not in answer.headers


def test_paths_that_are_none_share_a_label(client: TestClient, app: FastAPI) -> None:
    for number in range(50):
        client.get(f"/{number}")
        client.get(f"/shows/{number}")
        client.get(f"/users/{number}/ratings")
    (family,) = serving(app).metrics._request_seconds.collect()
    routes = {sample.labels["route"] for sample in family.samples}
    assert routes == {"other", "/shows/{show_id}", "/users/{user_id}/ratings"}


def test_an_answer_closes_its_connection_while_the_process_ends(
    client: TestClient, app: FastAPI
) -> None:
    assert "connection" not in client.post("/recommend", json=BODY).headers
    serving(app).is_draining = True
    for answer in (client.post("/recommend", json=BODY), client.get("/model")):
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
    assert not serving(app).is_ready


@pytest.mark.parametrize("path", ["/recommend", "/rate"])
def test_a_client_that_leaves_before_its_request_is_complete_is_no_error(
    app: FastAPI, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    messages = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b'{"user', "more_body": True},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }
    with TestClient(app):
        asyncio.run(Entrance(app, app)(scope, receive, send))
    assert not sent
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
