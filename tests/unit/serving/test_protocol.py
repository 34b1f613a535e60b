"""HTTP with a bound on how long a request may take to come, through uvicorn."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import uvicorn

from mlproject.serving.answers import Reply
from mlproject.serving.protocol import LARGEST_HEAD, BoundedProtocol
from tests.servers import wait_until

SECONDS = 1.0


class Hasty(BoundedProtocol):
    request_seconds = SECONDS


class Echo:
    """Answers what is posted to /short at once with the body; closes where that says so."""

    def takes(self, method: bytes, url: bytes, headers: Any) -> bool:
        return (method, url) == (b"POST", b"/short") and b"content-length" in dict(headers)

    def answer(self, scope: Any, body: bytes) -> Reply:
        assert (scope["method"], scope["path"]) == ("POST", "/short")
        length = (b"content-length", b"%d" % len(body))
        return Reply(200, [length, (b"way", b"short")], body, closes=body == b"close")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers when the body is there, and for /slow later than a request may take.

    What is posted to /short has its body sent back, as the short way does.
    """
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5 * SECONDS)
    if scope["path"] == "/short":
        headers = [(b"content-length", b"%d" % len(body)), (b"way", b"long")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        http: Any = partial(Hasty, shortcut=Echo())
        config = uvicorn.Config(app, http=http, lifespan="off", log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        wait_until(lambda: server.started, 10, "uvicorn")
        yield int(listening.getsockname()[1])
        server.should_exit = True
        thread.join(10)


def said_to(port: int, *parts: bytes) -> bytes:
    """All that is said to some bytes, each a while after the one before."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for number, part in enumerate(parts):
            if number:
                threading.Event().wait(SECONDS / 5)
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"GET / HT",),
        (HEAD + b"\r\nab",),
        (b"GE", b"T ", b"/ "),
    ],
)
def test_what_does_not_come_in_time_is_ended_however_it_trickles(
    port: int, parts: tuple[bytes, ...]
) -> None:
    assert said_to(port, *parts).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.parametrize(
    "parts", [(HEAD + b"\r\nabcd",), (HEAD, b"\r\nabcd"), (HEAD + b"\r\n", b"abcd")]
)
def test_what_comes_in_time_is_answered(port: int, parts: tuple[bytes, ...]) -> None:
    assert said_to(port, *parts).startswith(b"HTTP/1.1 204 ")


def test_an_answer_may_take_longer_than_a_request(port: int) -> None:
    told = said_to(port, HEAD.replace(b"/ ", b"/slow ", 1) + b"\r\nabcd")
    assert told.startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\nabcd"])
def test_a_head_is_bounded_whether_it_ends_or_not(port: int, end: bytes) -> None:
    long = b"X: " + b"y" * LARGEST_HEAD
    assert said_to(port, HEAD + long + end).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("order", [1, -1])
def test_two_ways_to_tell_a_bodys_length_are_refused(port: int, order: int) -> None:
    """Else a proxy may see another request behind it than the service does."""
    lengths = [b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n"][::order]
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(lengths)
    assert said_to(port, head + b"\r\nabcd").startswith(b"HTTP/1.1 400 ")


def short(body: bytes, more: bytes = b"", *, path: bytes = b"/short") -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path, len(body))
    return head + more + b"\r\n" + body


LAST = short(b"last", b"Connection: close\r\n")


def ways(told: bytes) -> list[bytes]:
    """Which way each answer took."""
    return [part.split(b"\r\n", 1)[0] for part in told.split(b"way: ")[1:]]


def bodies(told: bytes) -> list[bytes]:
    """The bodies of some answers, by their lengths."""
    found = []
    while told:
        head, _, told = told.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or b"0")
        found.append(told[:length])
        told = told[length:]
    return found


def test_what_the_shortcut_takes_is_answered_at_once(port: int) -> None:
    told = said_to(port, short(b"one"), LAST)
    assert ways(told) == [b"short", b"short"]
    assert bodies(told) == [b"one", b"last"]


def test_a_body_that_comes_in_parts_takes_the_short_way_too(port: int) -> None:
    told = said_to(port, LAST[:20], LAST[20:-2], LAST[-2:])
    assert (ways(told), bodies(told)) == ([b"short"], [b"last"])


def test_the_shortcut_may_close_the_connection(port: int) -> None:
    told = said_to(port, short(b"close") + short(b"never"))
    assert bodies(told) == [b"close"]
    assert b"\r\nconnection: close\r\n" in told


@pytest.mark.parametrize(
    "request_",
    [
        short(b"last", b"Connection: close\r\nExpect: 100-continue\r\n"),
        (
            b"POST /short HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n4\r\nlast\r\n0\r\n\r\n"
        ),
        b"POST /short HTTP/1.0\r\n\r\n",
    ],
)
def test_what_is_out_of_the_ordinary_goes_the_long_way(port: int, request_: bytes) -> None:
    assert ways(said_to(port, request_)) == [b"long"]


def test_an_old_client_is_answered_and_the_connection_closed(port: int) -> None:
    told = said_to(port, short(b"last").replace(b"1.1", b"1.0"))
    assert (ways(told), bodies(told)) == ([b"short"], [b"last"])


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    """Of one read only the first takes the short way, so that others have their turn."""
    told = said_to(port, b"".join(short(b"%d" % number) for number in range(5)) + LAST)
    assert bodies(told) == [b"0", b"1", b"2", b"3", b"4", b"last"]
    assert ways(told) == [b"short", *[b"long"] * 5]


def test_none_overtakes_a_slow_one(port: int) -> None:
    told = said_to(port, short(b"", path=b"/slow"), short(b"next"), LAST)
    assert told.startswith(b"HTTP/1.1 204 ")
    assert bodies(told) == [b"", b"next", b"last"]


@pytest.mark.parametrize("before", [short(b"good"), short(b"", path=b"/slow")])
@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET /" + b"x" * LARGEST_HEAD + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
        (HEAD + b"\r\nab", 408),
    ],
)
def test_a_refusal_is_not_taken_for_the_answer_to_the_request_before(
    port: int, before: bytes, bad: bytes, status: int
) -> None:
    told = said_to(port, before + bad)
    first, _, second = told.rpartition(b"HTTP/1.1 ")
    assert first.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 204 "))
    assert second.startswith(b"%d " % status)
    assert told.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GE", 408),
    ],
)
def test_what_is_no_good_http_is_a_problem_in_form_too(port: int, head: bytes, status: int) -> None:
    told, _, body = said_to(port, head).partition(b"\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncontent-type: application/problem+json\r\n" in told
    assert b"\r\nconnection: close" in told
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"]


def test_a_request_without_host_is_fine_of_an_old_client(port: int) -> None:
    assert said_to(port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 204 ")


UPGRADE = b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize("cut", [10, 60, -2, None])
def test_the_wish_for_another_protocol_is_passed_over(port: int, cut: int | None) -> None:
    """Clients of HTTP/2 have it by default, with a body too."""
    wishing = short(b"body", UPGRADE + b"Connection: Upgrade, HTTP2-Settings\r\n")
    sent = wishing + LAST
    told = said_to(port, *([sent] if cut is None else [sent[:cut], sent[cut:]]))
    assert bodies(told) == [b"body", b"last"]


def test_many_wishes_at_once_are_passed_over(port: int) -> None:
    wishing = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert said_to(port, wishing * 200 + LAST).count(b"HTTP/1.1 204 ") == 200
