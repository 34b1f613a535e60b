"""The REST service: ``POST /recommend``.

The route is an ASGI application inside the BentoML service, not a ``@bentoml.api``, so that
its answers to bad input are sentences of ours (ARCHITECTURE.md, decisions).
BentoML runs the workers, the probes and the metrics.
"""

import gc
import json

import bentoml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlproject import bootstrap, config
from mlproject.core.errors import RequestError
from mlproject.serving.requests import LARGEST_BODY, parse_recommend
from mlproject.serving.watcher import ModelWatcher


def answer(status: int, content: object) -> Response:
    """Return a JSON response."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, media_type="application/json")


async def recommend(request: Request) -> Response:
    """Answer with shows, or with a sentence on what is wrong."""
    watcher: ModelWatcher = request.app.state.watcher
    recommender = watcher.current
    if recommender is None:
        return answer(503, {"error": "no model is in production yet; try again in a minute"})
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return answer(413, {"error": f"the body is larger than {LARGEST_BODY} bytes"})
    try:
        asked = parse_recommend(bytes(body), most=request.app.state.max_items)
    except RequestError as error:
        return answer(400, {"error": str(error)})
    return answer(200, recommender.recommend(asked.user_id, asked.num_items))


async def refuse(request: Request, error: Exception) -> Response:
    """Answer what is no route of ours."""
    known = error if isinstance(error, HTTPException) else HTTPException(404)
    where = f"{request.method} {request.url.path}"
    response = answer(
        known.status_code, {"error": f"there is no {where}; there is POST /recommend"}
    )
    response.headers.update(known.headers or {})
    return response


async def fail(_: Request, __: Exception) -> Response:
    """Answer where we are at fault; Starlette logs the reason."""
    return answer(500, {"error": "an error of ours, which is in the log"})


app = Starlette(
    routes=[Route("/recommend", recommend, methods=["POST"])],
    exception_handlers={HTTPException: refuse, Exception: fail},
)


@bentoml.service(
    name="recommendations",
    logging={"access": {"enabled": False}},
    metrics={"enabled": True},
)
@bentoml.asgi_app(app, path="/")
class RecommendationsService:
    """Serves the version under the alias ``production``, and follows it."""

    def __init__(self) -> None:
        settings = config.load()
        bootstrap.set_up_logging(settings)
        self.watcher = bootstrap.model_watcher(settings)
        self.watcher.start()
        app.state.watcher = self.watcher
        app.state.max_items = settings.max_items
        # A full collection walks every object ever imported, in the middle of a request.
        gc.collect()
        gc.freeze()

    def __is_ready__(self) -> bool:
        """Tell BentoML's ``/readyz``: only with a model."""
        return self.watcher.current is not None

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Stop watching."""
        self.watcher.stop()
