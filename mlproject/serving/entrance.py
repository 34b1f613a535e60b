"""What every request passes first, around whatever runs the application.

It keeps out what is not meant for the application, counts, and answers ``POST /recommend``
itself: the frameworks behind it (BentoML's Starlette, and FastAPI in that) take several times
as long as the recommendation. Everything else goes through them.
"""

import hashlib
import hmac
import logging
import math
from collections.abc import Mapping
from time import perf_counter
from typing import Final

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlproject.config import Settings
from mlproject.core.errors import RequestError, UnavailableError
from mlproject.serving.limits import RateLimit
from mlproject.serving.page import PAGE_FILES
from mlproject.serving.problems import TooLargeError, fault, nowhere, refusal, response_to
from mlproject.serving.recommending import recommended
from mlproject.serving.requests import LARGEST_BODY, RecommendRequest, parsed
from mlproject.serving.state import Serving

log = logging.getLogger(__name__)

RECOMMEND: Final = "/recommend"
INFRASTRUCTURE: Final = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""What BentoML answers; no token is asked for, since probes and Prometheus have none."""
OPEN: Final = frozenset({"/", "/docs.json", *INFRASTRUCTURE})
"""What anyone may see, and what the page is made of: nobody's data is in it."""
OTHER: Final = "other"
"""The route of all that is none, so that nobody can fill the metrics with paths."""

_TOO_LARGE: Final = 413
_CLOSE: Final = (b"connection", b"close")


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(PAGE_FILES)


class _LeftError(Exception):
    """The client has gone before its request was complete."""


class Rules:
    """Who may ask.

    Parameters
    ----------
    settings
        Whether a token is needed, and how much one client may ask.
    """

    def __init__(self, settings: Settings) -> None:
        token = settings.token_sha256
        self._token = bytes.fromhex(token) if token else None
        self._limit = RateLimit(settings.rate_limit) if settings.rate_limit else None

    def refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not let in, None if it is."""
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        path = scope["path"]
        if self._token and not _is_open(path) and not self._is_known(headers):
            return refusal(
                401,
                "a token is needed: send the header `Authorization: Bearer TOKEN`",
                {"WWW-Authenticate": "Bearer"},
            )
        # A browser asks for the files of the page all at once.
        if self._limit and path not in INFRASTRUCTURE and not path.startswith(PAGE_FILES):
            client = scope["client"][0] if scope.get("client") else ""
            wait = self._limit.seconds_to_wait(client)
            if wait:
                seconds = math.ceil(wait)
                said = f"too many requests; try again in {seconds} s"
                return refusal(429, said, {"Retry-After": str(seconds)})
        if scope["method"] == "GET":
            return None
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            # Browsers send JSON to another site only if that site allows it, and we do not.
            return refusal(415, "send JSON, with the header `Content-Type: application/json`")
        if int(headers.get(b"content-length", b"0")) > LARGEST_BODY:
            return response_to(_too_large())
        return None

    def _is_known(self, headers: Mapping[bytes, bytes]) -> bool:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        return scheme.lower() == b"bearer" and hmac.compare_digest(digest, self._token or b"")


class Entrance:
    """Wraps what serves the application.

    Parameters
    ----------
    inner
        Serves everything but the hot route.
    app
        The application in it, whose routes are known.
    """

    def __init__(self, inner: ASGIApp, app: FastAPI) -> None:
        self._inner = inner
        self._app = app
        self._rules: Rules | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        began = perf_counter()
        now: Serving = self._app.state.serving
        if self._rules is None:
            self._rules = Rules(now.settings)
        sent = _Sent(send, now)
        if scope["method"] == "HEAD":
            # Answered as GET is; the server, which knows better, leaves the body out.
            scope = {**scope, "method": "GET"}
        route, refused = self._route(scope)
        refused = refused or self._rules.refusal(scope)
        source = ""
        try:
            if refused is not None:
                await refused(scope, receive, sent)
            elif route == RECOMMEND:
                source = await _recommend(now, scope, receive, sent)
            elif scope["method"] == "GET":
                await self._inner(scope, receive, sent)
            else:
                await self._pass_on(scope, receive, sent)
        except _LeftError:
            return
        finally:
            if sent.status:
                now.metrics.answered(route, source, sent.status, perf_counter() - began)

    def _route(self, scope: Scope) -> tuple[str, Response | None]:
        """Return the route of a request, and the answer if it is none."""
        method, path = scope["method"], scope["path"]
        if path == RECOMMEND and method == "POST":
            return RECOMMEND, None
        if path in INFRASTRUCTURE and method == "GET":
            return path, None
        allowed: set[str] = set()
        for route in self._app.routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return str(getattr(route, "path", OTHER)), None
            if match is Match.PARTIAL:
                allowed |= getattr(route, "methods", None) or set()
        if path in INFRASTRUCTURE:
            allowed = {"GET"}
        if "GET" in allowed:
            allowed |= {"HEAD"}
        if allowed:
            return OTHER, nowhere(method, path, 405, {"Allow": ", ".join(sorted(allowed))})
        return OTHER, nowhere(method, path)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, so that nobody behind has to think of its size or its end."""
        try:
            body = await _body(receive)
        except TooLargeError as error:
            await response_to(error)(scope, receive, send)
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return messages.pop() if messages else await receive()

        await self._inner(scope, again, send)


async def _recommend(now: Serving, scope: Scope, receive: Receive, send: Send) -> str:
    """Answer ``POST /recommend``; return what the answer is based on."""
    try:
        body = await _body(receive)
        asked = parsed(RecommendRequest, body, most=now.settings.max_items)
        answer = recommended(now, asked)
    except (RequestError, UnavailableError) as error:
        await response_to(error)(scope, receive, send)
        return ""
    except _LeftError:
        raise
    except Exception:
        log.exception("a request for recommendations failed")
        await fault()(scope, receive, send)
        return ""
    length = str(len(answer.body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
    return answer.source


async def _body(receive: Receive) -> bytes:
    """Read a body; raise TooLargeError if it is too large, _LeftError if it does not end."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message["type"] == "http.request" and message.get("more_body", False):
        if len(body) > LARGEST_BODY:
            raise _too_large()
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise _LeftError
    if len(body) > LARGEST_BODY:
        raise _too_large()
    return body


def _too_large() -> TooLargeError:
    return TooLargeError(f"the body is larger than {LARGEST_BODY} bytes")


class _Sent:
    """Passes an answer on, keeps its status, and closes the connection where that is due."""

    __slots__ = ("_now", "_send", "status")

    def __init__(self, send: Send, now: Serving) -> None:
        self._send = send
        self._now = now
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # What is left of a body that is too large is not waited for.
            if self._now.is_draining or self.status == _TOO_LARGE:
                message["headers"] = [*message.get("headers", ()), _CLOSE]
        await self._send(message)
