"""uvicorn's HTTP protocol with limits on time and size, and a fast path for one route.

uvicorn waits for ever for the rest of a head or a body, so connections that are left half open
would fill its table; and it takes a head of any size. llhttp, which parses here, refuses
``Content-Length`` together with ``Transfer-Encoding`` by itself.

A :class:`Shortcut` answers a request as soon as its last byte has arrived: no task, no ASGI
messages, one write. Unusual requests take the normal path, which gives the same answers.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final, Protocol

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from mlproject.serving.answers import Headers, Reply
from mlproject.serving.problems import refusal

REQUEST_SECONDS: Final = 10.0
"""From its first byte, or from the connection, to the last byte of a request."""
LARGEST_HEAD: Final = 32_768
"""Bytes of a request's address and headers."""

_VERSIONS: Final = frozenset({"1.0", "1.1"})
_OF_UPGRADES: Final = frozenset({b"upgrade", b"http2-settings"})
_CLOSE: Final = (b"connection", b"close")


class Shortcut(Protocol):
    """Answers some requests at once, without the event loop."""

    def takes(self, method: bytes, url: bytes, headers: Headers) -> bool:
        """Tell by its head whether a request can be answered so."""
        ...

    def answer(self, scope: Scope, body: bytes) -> Reply:
        """Answer it; nothing is raised."""
        ...


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose requests must arrive within a time limit.

    Parameters
    ----------
    *args, **kwargs
        As uvicorn gives them.
    shortcut
        Answers what it can at once; None: all goes the long way.
    """

    request_seconds = REQUEST_SECONDS

    def __init__(self, *args: Any, shortcut: Shortcut | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # else it costs, though nobody writes it
        self._shortcut = shortcut
        self._is_waited_for = self._is_head = True
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        # The body of a request that goes the short way, and whether the next one may. With
        # many in one read, each of the others waits for its turn among all connections.
        self._body: bytearray | None = None
        self._may_be_short = self._keeps_alive = True
        # What is being answered the long way, and what is being read.
        self._running: RequestResponseCycle | None = None
        self._reading: RequestResponseCycle | None = None
        # To be said when what came before it is answered; then the connection ends.
        self._last_word: Reply | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.request_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, and wait for the rest if there is any."""
        self._may_be_short = True
        self._unset_keepalive_if_required()
        rest = data
        while rest and not self._is_ending():
            rest = self._feed(rest)
        if not self._is_waited_for:
            self._cancel()
            return
        if self._is_head:
            # Of a header that does not end the parser tells nothing.
            self._head_bytes += len(data)
            self._check_head(self._head_bytes)
        if self._deadline is None and not self._is_ending():
            self._deadline = self.loop.call_later(self.request_seconds, self._give_up)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_waited_for = self._is_head = True
        self._head_bytes = 0
        self._reading = None
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the head of a request."""
        if self._is_ending() or self.parser.should_upgrade():
            return
        self._is_head = False
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value)
            hosts += name == b"host"
        version = self.parser.get_http_version()
        self._check_head(size)
        if version not in _VERSIONS:
            self._end(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "send HTTP/1.1")
        elif hosts > 1 or (not hosts and version == "1.1"):
            self._end(HTTPStatus.BAD_REQUEST, "send the header Host, once")
        if self._is_ending():
            return
        if self._is_short():
            self._keeps_alive = version != "1.0" and self.parser.should_keep_alive()
            self._body = bytearray()
        else:
            super().on_headers_complete()
            self._reading = self.cycle

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if self._body is not None:
            self._body += body
        elif self._reading is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self.parser.should_upgrade():
            return
        self._is_waited_for = False
        if self._body is not None:
            body, self._body = bytes(self._body), None
            self._answer(body)
        elif self._reading is not None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or say the last word."""
        if self._last_word is not None and not self._is_behind():
            self._close_with(self._last_word)
        else:
            super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: bytes) -> bytes:
        """Have data parsed; return what is still to be."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade() + data[upgrade.args[0] :]
        except httptools.HttpParserError:
            self._end(HTTPStatus.BAD_REQUEST, "this is no HTTP request that can be read")
        return b""

    def _without_upgrade(self) -> bytes:
        """Return the head that was read, without the wish for another protocol.

        To pass over that wish is allowed (RFC 9110, section 7.8), and clients of HTTP/2 have it
        by default; but the parser takes what follows for the other protocol.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._end(HTTPStatus.NOT_IMPLEMENTED, "this is no proxy")
            return b""
        self.parser = httptools.HttpRequestParser(self)
        headers = [(name, value) for name, value in self.headers if name not in _OF_UPGRADES]
        lines = [b"%b %b HTTP/1.1" % (method, self.url)]
        lines += [b"%b: %b" % header for header in headers]
        return b"\r\n".join([*lines, b"", b""])

    def _is_short(self) -> bool:
        return (
            self._shortcut is not None
            and self._may_be_short
            and not self.expect_100_continue
            and not self.flow.write_paused
            and not self._is_behind()
            and self._shortcut.takes(self.parser.get_method(), self.url, self.headers)
        )

    def _answer(self, body: bytes) -> None:
        """Answer at once."""
        assert self._shortcut is not None  # noqa: S101 - for mypy
        self._may_be_short = False
        method, path = self.parser.get_method().decode(), self.url.decode()
        reply = self._shortcut.answer({**self.scope, "method": method, "path": path}, body)
        closes = reply.closes or not self._keeps_alive
        self._write(reply, closes=closes)
        if closes:
            self.transport.close()
        self.on_response_complete()

    def _write(self, reply: Reply, *, closes: bool) -> None:
        headers = [*self.server_state.default_headers, *reply.headers]
        if closes:
            headers.append(_CLOSE)
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(
            b"".join([STATUS_LINE[reply.status], *lines, b"\r\n", reply.body]),
        )

    def _is_behind(self) -> bool:
        """Whether something is unanswered that came before what is being read."""
        unanswered = [self._running, *(cycle for cycle, _ in self.pipeline)]
        return any(
            cycle is not None and cycle is not self._reading and not cycle.response_complete
            for cycle in unanswered
        )

    def _is_ending(self) -> bool:
        return self._last_word is not None or self.transport.is_closing()

    def _check_head(self, size: int) -> None:
        if size > LARGEST_HEAD:
            said = f"the address and the headers are longer than {LARGEST_HEAD} bytes"
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, said)

    def _give_up(self) -> None:
        self._deadline = None
        said = f"the request did not come within {self.request_seconds:g} s"
        self._end(HTTPStatus.REQUEST_TIMEOUT, said)

    def _end(self, status: HTTPStatus, said: str) -> None:
        """Refuse what is being read, once all before it is answered, and close the connection."""
        if self._is_ending():
            return
        word = Reply.of(refusal(status, said))
        if self._is_behind():
            self._last_word = word
        else:
            self._close_with(word)

    def _close_with(self, word: Reply) -> None:
        is_answered = self._reading is not None and self._reading.response_started
        if not is_answered:
            self._write(word, closes=True)
        self.transport.close()

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
