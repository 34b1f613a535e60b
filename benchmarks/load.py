"""A load generator that costs little beside the server: requests are bytes made beforehand."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import uvloop

HEAD_END = b"\r\n\r\n"


def post(path: str, body: bytes) -> bytes:
    """Return a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Load:
    """What came back, and when.

    Parameters
    ----------
    seconds
        That it took.
    waits
        Seconds of each answer.
    bad
        Answers that were not 200, and connections that were lost, as texts.
    """

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds

    def ms(self, share: float) -> float:
        """Return the milliseconds within which a share of the answers came."""
        return float(1000 * np.quantile(self.waits, share)) if self.waits else float("nan")


class _Client(asyncio.Protocol):
    """One connection, on which the next request follows each answer."""

    def __init__(self, requests: Sequence[bytes], load: Load, until: float) -> None:
        self._requests = cycle(requests)
        self._load = load
        self._until = until
        self._got = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport: Any = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, and go on if it was the last."""
        self._got += data
        head, found, rest = self._got.partition(HEAD_END)
        if not found:
            return
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        length = int(lowered[at:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        now = time.perf_counter()
        self._load.waits.append(now - self._asked)
        if not head.startswith(b"HTTP/1.1 200"):
            self._load.bad.append(head.split(b"\r\n", 1)[0].decode())
        if now >= self._until or b"connection: close" in lowered:
            self._transport.close()
            return
        self._got = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note a connection that the server broke off."""
        if exc is not None:
            self._load.bad.append(repr(exc))
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(next(self._requests))


async def _run(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    load, began = Load(), time.perf_counter()
    loop = asyncio.get_running_loop()
    clients = [
        _Client(requests[first::connections], load, began + seconds) for first in range(connections)
    ]
    for client in clients:
        await loop.create_connection(partial(_same, client), "127.0.0.1", port)
    await asyncio.gather(*(client.done for client in clients))
    load.seconds = time.perf_counter() - began
    return load


def _same(client: _Client) -> _Client:
    return client


def run(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Keep so many connections of a server on this machine busy for so long."""
    return uvloop.run(_run(port, requests, connections, seconds))
