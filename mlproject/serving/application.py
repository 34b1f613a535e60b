"""The web application: its routes, its document, its life from start to end.

An ASGI application that any server can run. Its errors are written here, not by the framework.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mlproject import __version__
from mlproject.config import Settings
from mlproject.core.errors import RequestError, UnavailableError
from mlproject.core.rating_log import RatingLog
from mlproject.core.user_histories import UserHistories
from mlproject.serving.document import describe
from mlproject.serving.page import page_routes
from mlproject.serving.problems import fault, nowhere, refusal, response_to
from mlproject.serving.requests import (
    BatchRequest,
    RateRequest,
    RecommendRequest,
    SimilarRequest,
    UnrateRequest,
    sentence,
)
from mlproject.serving.routes import router
from mlproject.serving.state import Serving
from mlproject.serving.trial import Trial
from mlproject.serving.watcher import ModelWatcher

if TYPE_CHECKING:
    from mlproject.serving.metrics import ServiceMetrics
    from mlproject.tracing import Tracing

SERVICE: Final = "recommendations-service"
"""The name of the process, as metrics and spans have it."""
MEASURE_SECONDS: Final = 2.0

_SAMPLES: Final = {
    ("POST", "/recommend"): RecommendRequest.sample,
    ("POST", "/recommend/batch"): BatchRequest.sample,
    ("POST", "/similar"): SimilarRequest.sample,
    ("POST", "/rate"): RateRequest.sample,
    ("DELETE", "/rate"): UnrateRequest.sample,
}


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

    @property
    def trial(self) -> Trial | None:
        """What happens beside an answer; None = nothing."""
        ...

    def tracing(self, part: str) -> "Tracing | None":
        """Return what makes the spans of a part; None = they are not wanted."""
        ...

    def model_watcher(self, on_swap: Callable[[int], object]) -> ModelWatcher:
        """Return what keeps the service on the production version, not yet started."""
        ...


def application(
    open_adapters: Callable[[], AbstractContextManager[Adapters]],
    on_start: Callable[[], object] = lambda: None,
    on_swap: Callable[[], object] = lambda: None,
) -> FastAPI:
    """Return the application; nothing is opened before its lifespan begins.

    Parameters
    ----------
    open_adapters
        Called when the lifespan begins. What it returns is closed when the lifespan ends,
        after which no rating is taken.
    on_start
        Called once everything is made, before the first request.
    on_swap
        Called after each change of the version that answers.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_adapters() as adapters:
            # First, since it connects to Kafka meanwhile.
            log = adapters.rating_log
            log.start()
            histories = adapters.user_histories
            histories.start()
            metrics = adapters.service_metrics
            metrics.model_version.set(0)

            def swapped(version: int) -> None:
                metrics.swapped(version)
                on_swap()

            watcher = adapters.model_watcher(swapped)
            trial = adapters.trial
            tracing = adapters.tracing(SERVICE)
            now = Serving(watcher, log, histories, metrics, adapters.settings, trial, tracing)
            app.state.serving = now
            watcher.start()
            if trial is not None:
                trial.start()
            measuring = asyncio.create_task(_measure(now))
            try:
                on_start()
                yield
            finally:
                measuring.cancel()
                watcher.stop()
                if trial is not None:
                    trial.stop()

    app = FastAPI(
        title="TV-show recommendations",
        description="Recommends shows, takes ratings, and follows the version in production.",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/docs.json",
        # Pages that load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        # A redirect would name whatever host the client sent.
        redirect_slashes=False,
        routes=[*router.routes, *page_routes()],
        exception_handlers={
            RequestValidationError: refuse,
            RequestError: tell,
            UnavailableError: tell,
            HTTPException: no_route,
            Exception: fail,
        },
    )
    describe(app)
    return app


async def _measure(now: Serving) -> None:
    """Show how well histories are known, every few seconds."""
    while True:
        now.metrics.show(now.histories.status, now.histories.position)
        now.metrics.load_failures.set(now.watcher.failures)
        if now.trial is not None:
            now.metrics.exposures_lost.set(now.trial.exposures.lost)
        await asyncio.sleep(MEASURE_SECONDS)


def serving(app: FastAPI) -> Serving:
    """Return the state of an application; its lifespan must have begun."""
    found: Serving = app.state.serving
    return found


async def refuse(request: Request, error: Exception) -> Response:
    """Answer a request that is not what is wanted."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for mypy
    detail = dict(error.errors()[0])
    where, *path = detail["loc"]
    sample = _SAMPLES.get((request.method, request.url.path), "") if where == "body" else ""
    if where == "body" and not path and detail["type"] == "missing":
        detail["type"] = "json_invalid"
    most = serving(request.app).settings.max_items
    return refusal(400, sentence({**detail, "loc": tuple(path)}, sample, most))


async def tell(_: Request, error: Exception) -> Response:
    """Answer what cannot be answered with the sentence that says why."""
    assert isinstance(error, RequestError | UnavailableError)  # noqa: S101 - for mypy
    return response_to(error)


async def no_route(request: Request, error: Exception) -> Response:
    """Answer what is no route of ours, and a body that is no JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy
    if isinstance(error.__cause__, RequestError):
        return response_to(error.__cause__)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        sample = _SAMPLES[request.method, request.url.path]
        return refusal(400, f"the body is not JSON; send for example {sample}")
    return nowhere(request.method, request.url.path, error.status_code, error.headers)


async def fail(_: Request, __: Exception) -> Response:
    """Answer where we are at fault; Starlette logs the reason."""
    return fault()
