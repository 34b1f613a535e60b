"""The REST service: ``POST /recommend`` and ``POST /rate``.

The routes are an ASGI application inside the BentoML service, not ``@bentoml.api``, so that
their answers to bad input are sentences of ours (ARCHITECTURE.md, decisions).
BentoML runs the workers, the probes and the metrics.
"""

import gc
import json
from typing import Final

import bentoml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlproject import bootstrap, config
from mlproject.core.errors import RequestError, UnavailableError
from mlproject.core.rating_log import RatingLog
from mlproject.serving.rating import rate_now
from mlproject.serving.recently_rated import RecentlyRated
from mlproject.serving.requests import LARGEST_BODY, parse_rate, parse_recommend
from mlproject.serving.watcher import ModelWatcher

RETRY_SECONDS: Final = 5


def answer(status: int, content: object) -> Response:
    """Return a JSON response."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, media_type="application/json")


class TooLargeError(RequestError):
    """A body is larger than any request of ours."""


def refusal(error: RequestError) -> Response:
    """Return the answer to a client's mistake."""
    return answer(413 if isinstance(error, TooLargeError) else 400, {"error": str(error)})


async def body_of(request: Request) -> bytes:
    """Read the body; raise TooLargeError if it is."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLargeError(f"the body is larger than {LARGEST_BODY} bytes")
    return bytes(body)


async def recommend(request: Request) -> Response:
    """Answer with shows, or with a sentence on what is wrong."""
    state = request.app.state
    watcher: ModelWatcher = state.watcher
    rated: RecentlyRated = state.rated
    count = state.metrics.recommendations.labels
    recommender = watcher.current
    if recommender is None:
        count("no_model").inc()
        return answer(503, {"error": "no model is in production yet; try again in a minute"})
    try:
        asked = parse_recommend(await body_of(request), most=state.max_items)
    except RequestError as error:
        count("refused").inc()
        return refusal(error)
    told = recommender.recommend(asked.user_id, rated.of(asked.user_id), asked.num_items)
    count(told["source"]).inc()
    return answer(200, told)


async def rate(request: Request) -> Response:
    """Make a rating durable and say where it is, or say what is wrong."""
    state = request.app.state
    log: RatingLog = state.log
    rated: RecentlyRated = state.rated
    watcher: ModelWatcher = state.watcher
    count = state.metrics.ratings.labels
    with state.metrics.rate_seconds.time():
        try:
            asked = parse_rate(await body_of(request))
            told = await rate_now(log, asked)
        except RequestError as error:
            count("refused").inc()
            return refusal(error)
        except UnavailableError as error:
            count("failed").inc()
            response = answer(503, {"error": str(error)})
            response.headers["Retry-After"] = str(RETRY_SECONDS)
            return response
    count("accepted").inc()
    rated.add(asked.user_id, asked.show_id, asked.rating)
    title = watcher.current.title(asked.show_id) if watcher.current else None
    return answer(201, {**told, "title": title})


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


app = Starlette(
    routes=[
        Route("/recommend", recommend, methods=["POST"]),
        Route("/rate", rate, methods=["POST"]),
    ],
    exception_handlers={HTTPException: refuse, Exception: fail},
)


@bentoml.service(
    name="recommendations",
    logging={"access": {"enabled": False}},
    metrics={"enabled": True},
)
@bentoml.asgi_app(app, path="/")
class RecommendationsService:
    """Serves the version under the alias ``production``, and takes ratings."""

    def __init__(self) -> None:
        # Not before BentoML has told prometheus_client where its workers share metrics.
        from mlproject.serving.metrics import ServiceMetrics  # noqa: PLC0415

        settings = config.load()
        bootstrap.set_up_logging(settings)
        metrics = ServiceMetrics()
        metrics.model_version.set(0)
        self.log = bootstrap.rating_log(settings)
        self.log.start()
        self.watcher = bootstrap.model_watcher(settings, on_swap=metrics.model_version.set)
        self.watcher.start()
        app.state.watcher = self.watcher
        app.state.log = self.log
        app.state.rated = RecentlyRated()
        app.state.metrics = metrics
        app.state.max_items = settings.max_items
        # A full collection walks every object ever imported, in the middle of a request.
        gc.collect()
        gc.freeze()

    def __is_ready__(self) -> bool:
        """Tell BentoML's ``/readyz``: only with a model."""
        return self.watcher.current is not None

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Stop watching; what was rated has been answered by now."""
        self.log.close()
        self.watcher.stop()
