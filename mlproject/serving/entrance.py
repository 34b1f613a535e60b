"""The outermost layer, which every request passes first.

It rejects invalid requests, counts all, and answers ``POST /recommend`` itself: the frameworks
behind it (BentoML's Starlette, and FastAPI inside it) take several times as long as the
recommendation. Everything else goes through them.
"""

import logging
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlproject.core.errors import RequestError, UnavailableError
from mlproject.serving.answers import Headers, Reply
from mlproject.serving.problems import TooLargeError, fault, nowhere, response_to
from mlproject.serving.recommending import recommended
from mlproject.serving.requests import LARGEST_BODY, RecommendRequest, parsed
from mlproject.serving.rules import INFRASTRUCTURE, Rules
from mlproject.serving.state import Serving

if TYPE_CHECKING:
    from mlproject.tracing import RequestSpan

log = logging.getLogger(__name__)

RECOMMEND: Final = "/recommend"
OTHER: Final = "other"
"""The route of all that is none, so that nobody can fill the metrics with paths."""

_TOO_LARGE: Final = 413
_CLOSE: Final = (b"connection", b"close")
_RECOMMEND_URL: Final = RECOMMEND.encode()
_FORWARDED: Final = b"x-forwarded-for"
_JSON: Final = (b"content-type", b"application/json")


class _LeftError(Exception):
    """The client disconnected before its request was complete."""


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
        """Serve one request, or the start and the end of the application."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        began = perf_counter()
        now: Serving = self._app.state.serving
        if self._rules is None:
            self._rules = Rules(now.settings)
        if scope["method"] == "HEAD":
            # Answered as GET is; the server, which knows better, leaves the body out.
            scope = {**scope, "method": "GET"}
        route, refused = self._route(scope)
        refused = refused or self._rules.refusal(scope)
        # Who waits to be let in before sending a body may then send another request instead.
        is_waiting = refused is not None and b"expect" in dict(scope["headers"])
        sent = _Sent(send, closes=now.is_draining or is_waiting)
        source = ""
        span = _begun(now, scope, route)
        try:
            if refused is not None:
                await refused(scope, receive, sent)
            elif route == RECOMMEND:
                reply, source = _recommend(now, await _body(receive))
                await reply.send(sent)
            else:
                await self._pass_on(scope, receive, sent)
        except TooLargeError as error:
            await response_to(error)(scope, receive, sent)
        except _LeftError:
            return
        finally:
            if sent.status:
                now.metrics.answered(route, source, sent.status, perf_counter() - began)
            _end(span, now, source, sent.status)

    def takes(self, method: bytes, url: bytes, headers: Headers) -> bool:
        """Tell whether a request needs nothing but :meth:`answer`."""
        if method != b"POST" or url != _RECOMMEND_URL or self._rules is None:
            return False
        known = dict(headers)
        length = known.get(b"content-length", b"")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return False
        # Whom a proxy speaks for is found out on the long way.
        return not self._rules.is_limited or _FORWARDED not in known

    def answer(self, scope: Scope, body: bytes) -> Reply:
        """Answer ``POST /recommend`` at once, as :meth:`__call__` does."""
        began = perf_counter()
        now: Serving = self._app.state.serving
        assert self._rules is not None  # noqa: S101 - for mypy
        span = _begun(now, scope, RECOMMEND)
        refused = self._rules.refusal(scope)
        reply, source = (Reply.of(refused), "") if refused else _recommend(now, body)
        now.metrics.answered(RECOMMEND, source, reply.status, perf_counter() - began)
        _end(span, now, source, reply.status)
        return replace(reply, closes=True) if now.is_draining else reply

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
        """Read the body, so that the layers behind need not check its size or its end."""
        if scope["method"] == "GET":
            await self._inner(scope, receive, send)
            return
        body = await _body(receive)
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return messages.pop() if messages else await receive()

        await self._inner(scope, again, send)


def _begun(now: Serving, scope: Scope, route: str) -> "RequestSpan | None":
    """Begin the span of a request, where such are wanted: of no probe."""
    if now.tracing is None or route in INFRASTRUCTURE:
        return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return now.tracing.request(scope["method"], route, headers)


def _end(span: "RequestSpan | None", now: Serving, source: str, status: int) -> None:
    """End the span of a request, and tell in it what the answer is based on."""
    if span is None:
        return
    told: dict[str, str | int] = {"tvrec.source": source} if source else {}
    if current := now.watcher.current:
        told["tvrec.version"] = current.version
    span.end(status, told)


def _recommend(now: Serving, body: bytes) -> tuple[Reply, str]:
    """Answer ``POST /recommend``; return what the answer is based on too."""
    try:
        asked = parsed(RecommendRequest, body, most=now.settings.max_items)
        answer = recommended(now, asked)
    except (RequestError, UnavailableError) as error:
        return Reply.of(response_to(error)), ""
    except Exception:
        log.exception("a request for recommendations failed")
        return Reply.of(fault()), ""
    length = str(len(answer.body)).encode()
    headers = (_JSON, (b"content-length", length))
    return Reply(200, headers, answer.body), answer.source


async def _body(receive: Receive) -> bytes:
    """Read a body; raise TooLargeError if it is too large, _LeftError if it does not end."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message["type"] == "http.request" and message.get("more_body", False):
        if len(body) > LARGEST_BODY:
            raise TooLargeError(LARGEST_BODY)
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise _LeftError
    if len(body) > LARGEST_BODY:
        raise TooLargeError(LARGEST_BODY)
    return body


class _Sent:
    """Passes an answer on, remembers its status, and closes the connection if necessary."""

    __slots__ = ("_closes", "_send", "status")

    def __init__(self, send: Send, *, closes: bool) -> None:
        self._send = send
        self._closes = closes
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # What is left of a body that is too large is not waited for.
            if self._closes or self.status == _TOO_LARGE:
                message["headers"] = [*message.get("headers", ()), _CLOSE]
        await self._send(message)
