"""The REST service: the web application of ``mlproject.serving``, run by BentoML.

The routes are an ASGI application inside the BentoML service, not ``@bentoml.api``, so that
their answers to bad input are sentences of ours (ARCHITECTURE.md, decisions).
BentoML runs the workers, the probes and the metrics.
"""

import gc

import bentoml

from mlproject import config
from mlproject.bootstrap import App
from mlproject.logs import set_up_logging
from mlproject.serving.application import application, serving


def open_app() -> App:
    """Make what the settings of this worker say."""
    settings = config.load()
    set_up_logging(settings)
    return App(settings)


def freeze() -> None:
    """Keep what is there from being collected, or walked at all."""
    # A full collection walks every object ever imported, in the middle of a request.
    gc.collect()
    gc.freeze()


# BentoML begins and ends its lifespan with that of each worker.
app = application(open_app, on_start=freeze)


@bentoml.service(
    name="recommendations",
    logging={"access": {"enabled": False}},
    metrics={"enabled": True},
)
@bentoml.asgi_app(app, path="/")
class RecommendationsService:
    """Serves the version under the alias ``production``, and takes ratings."""

    def __is_ready__(self) -> bool:
        """Tell BentoML's ``/readyz``: only with a model and histories."""
        return serving(app).is_ready
