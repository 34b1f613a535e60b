"""The web application: ``POST /recommend`` and ``POST /rate``.

An ASGI application that any server can run. Its answers to bad input are sentences of ours.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlproject.config import Settings
from mlproject.core.errors import RequestError, UnavailableError
from mlproject.core.rating_log import RatingLog
from mlproject.core.user_histories import UserHistories
from mlproject.serving.answers import encoded
from mlproject.serving.rating import event_of, rate_now
from mlproject.serving.requests import LARGEST_BODY, parse_rate, parse_recommend
from mlproject.serving.watcher import ModelWatcher

if TYPE_CHECKING:
    from mlproject.serving.metrics import ServiceMetrics

RETRY_SECONDS: Final = 5
MEASURE_SECONDS: Final = 2.0


class Adapters(Protocol):
    """What the application needs of its process; :class:`mlproject.bootstrap.App` has it."""

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...

    @property
    def rating_log(self) -> RatingLog:
        """Where ratings are made durable."""
        ...

    @property
    def user_histories(self) -> UserHistories:
        """What each user has rated."""
        ...

    @property
    def service_metrics(self) -> "ServiceMetrics":
        """The counters. They are not asked for, nor imported, before the lifespan begins."""
        ...

    def model_watcher(self, on_swap: Callable[[int], object]) -> ModelWatcher:
        """Return what keeps the service on the production version, not yet started."""
        ...


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes answer with, from the application's start to its end."""

    watcher: ModelWatcher
    log: RatingLog
    histories: UserHistories
    metrics: "ServiceMetrics"
    max_items: int

    @property
    def is_ready(self) -> bool:
        """Whether there is a model, and histories to ask it about."""
        return self.watcher.current is not None and self.histories.status.is_loaded


def application(
    open_adapters: Callable[[], AbstractContextManager[Adapters]],
    on_start: Callable[[], object] = lambda: None,
) -> Starlette:
    """Return the application; nothing is opened before its lifespan begins.

    Parameters
    ----------
    open_adapters
        Called when the lifespan begins. What it returns is closed when the lifespan ends,
        after which no rating is taken.
    on_start
        Called once everything is made, before the first request.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with open_adapters() as adapters:
            # First, since it connects to Kafka meanwhile.
            log = adapters.rating_log
            log.start()
            histories = adapters.user_histories
            histories.start()
            metrics = adapters.service_metrics
            metrics.model_version.set(0)
            watcher = adapters.model_watcher(metrics.model_version.set)
            now = Serving(watcher, log, histories, metrics, adapters.settings.max_items)
            app.state.serving = now
            watcher.start()
            measuring = asyncio.create_task(_measure(now))
            try:
                on_start()
                yield
            finally:
                measuring.cancel()
                watcher.stop()

    return Starlette(
        routes=[
            Route("/recommend", recommend, methods=["POST"]),
            Route("/rate", rate, methods=["POST"]),
        ],
        exception_handlers={HTTPException: refuse, Exception: fail},
        lifespan=lifespan,
    )


async def _measure(now: Serving) -> None:
    """Show how well histories are known, every few seconds."""
    while True:
        now.metrics.show(now.histories.status)
        await asyncio.sleep(MEASURE_SECONDS)


def serving(app: Starlette) -> Serving:
    """Return what an application answers with; its lifespan must have begun."""
    found: Serving = app.state.serving
    return found


async def recommend(request: Request) -> Response:
    """Answer with shows, or with a sentence on what is wrong."""
    now = serving(request.app)
    count = now.metrics.recommendations.labels
    recommender = now.watcher.current
    if recommender is None:
        count("no_model").inc()
        return answer(503, {"error": "no model is in production yet; try again in a minute"})
    try:
        asked = parse_recommend(await body_of(request), most=now.max_items)
    except RequestError as error:
        count("refused").inc()
        return refusal(error)
    history = now.histories.of(asked.user_id)
    told = recommender.recommend(asked.user_id, history.ratings, asked.num_items)
    told["position"] = history.position.record()
    count(told["source"]).inc()
    return answer(200, told)


async def rate(request: Request) -> Response:
    """Make a rating durable and say where it is, or say what is wrong."""
    now = serving(request.app)
    count = now.metrics.ratings.labels
    with now.metrics.rate_seconds.time():
        try:
            event = event_of(parse_rate(await body_of(request)))
            place = await rate_now(now.log, event)
        except RequestError as error:
            count("refused").inc()
            return refusal(error)
        except UnavailableError as error:
            count("failed").inc()
            response = answer(503, {"error": str(error)})
            response.headers["Retry-After"] = str(RETRY_SECONDS)
            return response
    count("accepted").inc()
    now.histories.add(event, place)
    recommender = now.watcher.current
    title = recommender.title(event.show_id) if recommender else None
    return answer(201, {"event_id": event.event_id, **asdict(place), "title": title})


async def refuse(request: Request, error: Exception) -> Response:
    """Answer what is no route of ours."""
    known = error if isinstance(error, HTTPException) else HTTPException(404)
    where = f"{request.method} {request.url.path}"
    sentence = f"there is no {where}; there are POST /recommend and POST /rate"
    response = answer(known.status_code, {"error": sentence})
    response.headers.update(known.headers or {})
    return response


async def fail(_: Request, __: Exception) -> Response:
    """Answer where we are at fault; Starlette logs the reason."""
    return answer(500, {"error": "an error of ours, which is in the log"})


class TooLargeError(RequestError):
    """A body is larger than any request of ours."""


async def body_of(request: Request) -> bytes:
    """Read the body; raise TooLargeError if it is."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLargeError(f"the body is larger than {LARGEST_BODY} bytes")
    return bytes(body)


def answer(status: int, content: object) -> Response:
    """Return a JSON response."""
    return Response(encoded(content), status, media_type="application/json")


def refusal(error: RequestError) -> Response:
    """Return the answer to a client's mistake."""
    return answer(413 if isinstance(error, TooLargeError) else 400, {"error": str(error)})
