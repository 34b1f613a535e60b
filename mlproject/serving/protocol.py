"""HTTP as the service speaks it: uvicorn's, with a bound on how long a request may take to come.

uvicorn waits for ever for the rest of a head or a body, so connections that are left half open
would fill its table; and it takes a head of any size. llhttp, which parses here, refuses
``Content-Length`` together with ``Transfer-Encoding`` by itself.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS: Final = 10.0
"""From its first byte, or from the connection, to the last byte of a request."""
LARGEST_HEAD: Final = 32_768
"""Bytes of a request's address and headers."""

_SAID: Final = b"the request did not come within %d s"
_HEAD: Final = (
    b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b"
)


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose requests come in time or not at all."""

    request_seconds = REQUEST_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_waited_for = self._is_head = True
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

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
        super().data_received(data)
        if not self._is_waited_for:
            if self._deadline is not None:
                self._cancel()
            return
        if self._is_head:
            # Of a header that does not end the parser tells nothing.
            self._head_bytes += len(data)
            self._check_head(self._head_bytes)
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.request_seconds, self._give_up)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_waited_for = self._is_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the head of a request."""
        self._is_head = False
        headers = sum(len(name) + len(value) for name, value in self.headers)
        self._check_head(len(self.url) + headers)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request."""
        self._is_waited_for = False
        super().on_message_complete()

    def _check_head(self, size: int) -> None:
        if size > LARGEST_HEAD:
            self._end(b"431 Request Header Fields Too Large", b"the headers are too large")

    def _give_up(self) -> None:
        self._deadline = None
        self._end(b"408 Request Timeout", _SAID % self.request_seconds)

    def _end(self, status: bytes, said: bytes) -> None:
        """Close the connection, with a last word if no answer is under way."""
        if self.transport.is_closing():
            return
        is_answering = bool(self.cycle) and self.cycle.response_started
        if not is_answering:
            self.transport.write(_HEAD % (status, len(said), said))
        self.transport.close()

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
