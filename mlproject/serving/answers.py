"""The bytes of an answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from starlette.responses import Response
from starlette.types import Send

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is complete: status, headers, body.

    Parameters
    ----------
    status, headers, body
        As ASGI has them; ``Content-Length`` is among the headers.
    closes
        Whether the connection is closed after it.
    """

    status: int
    headers: Headers
    body: bytes
    closes: bool = False

    @classmethod
    def of(cls, response: Response) -> Self:
        """Take over a response that does not stream."""
        return cls(response.status_code, response.raw_headers, bytes(response.body))

    async def send(self, send: Send) -> None:
        """Send it as ASGI does."""
        headers = list(self.headers)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def encoded(content: object) -> bytes:
    """Return content as compact JSON in UTF-8; equal content, equal bytes."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
