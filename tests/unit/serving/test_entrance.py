"""The entrance: who is let in, what is counted, and how connections end."""

import asyncio
import gzip
import hashlib
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mlproject import config
from mlproject.config import Settings
from mlproject.serving.application import serving
from mlproject.serving.entrance import Entrance
from mlproject.serving.requests import LARGEST_BODY
from mlproject.testing import MemoryStore
from mlproject.tracing import Tracing
from tests.collector import attributes, collecting

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


def test_a_body_that_is_packed_is_refused_with_the_way_out(client: TestClient) -> None:
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for path in ("/recommend", "/rate"):
        answer = client.post(path, content=gzip.compress(b"{}"), headers=packed)
        assert answer.status_code == 415
        assert answer.headers["accept-encoding"] == "identity"
        assert "Content-Encoding" in answer.json()["detail"]
    packed["Content-Encoding"] = "identity"
    answer = client.post("/recommend", content=b'{"user_id": 1}', headers=packed)
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["Content-Type", "Authorization", "Content-Encoding"])
def test_a_header_that_may_be_read_in_two_ways_is_refused(client: TestClient, name: str) -> None:
    headers = [("Content-Type", "application/json"), (name, "a"), (name, "b")]
    answer = client.post("/recommend", content=b'{"user_id": 1}', headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] == f"the header {name.lower()} is given twice; leave one out"


def test_other_headers_may_be_there_twice(client: TestClient) -> None:
    headers = [("Content-Type", "application/json"), ("Cookie", "a=1"), ("Cookie", "b=2")]
    answer = client.post("/recommend", content=b'{"user_id": 1}', headers=headers)
    assert answer.status_code == 200


def test_who_waits_before_sending_a_body_and_is_refused_is_let_go(client: TestClient) -> None:
    """Else what comes next may be taken for the body."""
    headers = {"Content-Type": "text/plain", "Expect": "100-continue"}
    answer = client.post("/recommend", content=b"x", headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (415, "close")


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_id": 1, "num_items": 2}',
        b'{"user_id": 1, "genres": ["X"]}',
        b'{"history": []}',
        b"{}",
        b"",
        b"\xff",
    ],
)
@pytest.mark.parametrize("kind", [b"application/json", b"text/plain"])
def test_the_short_way_answers_as_the_long_one(
    client: TestClient, app: FastAPI, body: bytes, kind: bytes
) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    entrance = Entrance(app, app)
    assert not entrance.takes(b"POST", b"/recommend", headers), "it has no rules yet"
    with TestClient(entrance) as other:
        assert other.get("/livez").status_code
        assert entrance.takes(b"POST", b"/recommend", headers)
        scope = {"method": "POST", "path": "/recommend", "headers": headers, "client": None}
        short = entrance.answer(scope, body)
        long = other.post("/recommend", content=body, headers=dict(headers))
    assert (short.status, short.body) == (long.status_code, long.content)
    assert {(name.decode(), value.decode()) for name, value in short.headers} == {
        *long.headers.items()
    }


def test_only_the_hot_route_with_a_length_takes_the_short_way(
    client: TestClient, app: FastAPI
) -> None:
    entrance = Entrance(app, app)
    with TestClient(entrance) as other:
        other.get("/model")
        length = (b"content-length", b"9")
        assert entrance.takes(b"POST", b"/recommend", [length])
        for method, url, headers in (
            (b"GET", b"/recommend", [length]),
            (b"POST", b"/recommend?x=1", [length]),
            (b"POST", b"/recommend/batch", [length]),
            (b"POST", b"/recommend", []),
            (b"POST", b"/recommend", [(b"content-length", b"%d" % (LARGEST_BODY + 1))]),
        ):
            assert not entrance.takes(method, url, headers)


@strict(rate_limit=1)
def test_on_the_short_way_the_limit_counts_and_a_proxys_client_takes_the_long_one(
    app: FastAPI,
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"14")]
    scope = {"method": "POST", "path": "/recommend", "headers": headers, "client": ("a", 1)}
    entrance = Entrance(app, app)
    with TestClient(entrance) as other:
        other.get("/livez")
        told = [entrance.answer(scope, b'{"user_id": 1}').status for _ in range(3)]
        forwarded = [*headers, (b"x-forwarded-for", b"10.0.0.1")]
        assert not entrance.takes(b"POST", b"/recommend", forwarded)
    assert told == [200, 200, 429]


def test_the_short_way_closes_connections_while_the_process_ends_and_counts(
    app: FastAPI,
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"14")]
    scope = {"method": "POST", "path": "/recommend", "headers": headers, "client": None}
    entrance = Entrance(app, app)
    with TestClient(entrance) as other:
        other.get("/livez")
        assert not entrance.answer(scope, b'{"user_id": 1}').closes
        serving(app).is_draining = True
        assert entrance.answer(scope, b'{"user_id": 1}').closes
        (family,) = serving(app).metrics._request_seconds.collect()
        counts = [
            sample.value
            for sample in family.samples
            if sample.name.endswith("_count") and sample.labels["route"] == "/recommend"
        ]
    assert counts == [2]


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


def test_a_request_is_told_as_a_span_and_a_probe_is_not(client: TestClient, app: FastAPI) -> None:
    with collecting() as collector:
        now = serving(app)
        now.tracing = tracing = Tracing.to(collector.address, "recommendations-service")
        client.post("/recommend", json=BODY)
        rated = client.post("/rate", json={"user_id": 1, "show_id": 2, "rating": 8}).json()
        client.get("/livez")
        tracing.close()
    asked, rate, durable = (
        collector.named(name) for name in ("POST /recommend", "POST /rate", "store event")
    )
    assert attributes(asked)["tvrec.version"] == 3
    assert attributes(asked)["tvrec.source"]
    assert attributes(rate)["http.response.status_code"] == 201
    assert attributes(durable) == {
        f"tvrec.{name}": rated[name] for name in ("event_id", "partition", "offset")
    }
    assert durable.parent_span_id == rate.span_id
    assert collector.named("rank").parent_span_id == asked.span_id
    assert len(collector.spans) == 4
