"""HTTP with a bound on how long a request may take to come, through uvicorn."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from mlproject.serving.protocol import LARGEST_HEAD, BoundedProtocol
from tests.servers import wait_until

SECONDS = 1.0


class Hasty(BoundedProtocol):
    request_seconds = SECONDS


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers when the body is there, and for /slow later than a request may take."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5 * SECONDS)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, http=Hasty, lifespan="off", log_level="critical")
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
