"""The REST service: the web application of ``mlproject.serving``, run by BentoML.

The routes are a FastAPI application inside the BentoML service, not ``@bentoml.api``, so that
their answers to bad input are sentences of ours (ARCHITECTURE.md, decisions). BentoML runs the
workers, the probes, the metrics and the document.
"""

import asyncio
import gc
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import bentoml
import psutil
import uvicorn.config
from _bentoml_impl.server.app import ServiceAppFactory
from _bentoml_sdk import Service
from bentoml._internal.configuration.containers import BentoMLContainer
from prometheus_client import multiprocess
from starlette.types import ASGIApp

from mlproject import config
from mlproject.bootstrap import App
from mlproject.core.errors import ConfigError
from mlproject.logs import set_up_logging
from mlproject.serving.application import application, serving
from mlproject.serving.ending import AmongWorkers, drain_at_sigterm, end_with_parent
from mlproject.serving.entrance import Entrance
from mlproject.serving.protocol import BoundedProtocol

try:
    SETTINGS: Final = config.load()
except ConfigError as error:
    sys.exit(f"tvrec: {error}")

# Threads that multiply small matrices spin against neighbours and CPU limits.
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "OTEL_SDK_DISABLED": "true",
    "BENTOML_DO_NOT_TRACK": "True",
}
# How long the loading of a version may keep an answer waiting, in seconds.
_SWITCH_SECONDS: Final = 0.0005


def open_app() -> App:
    """Make what the settings of this worker say."""
    set_up_logging(SETTINGS)
    return App(SETTINGS)


def settle() -> None:
    """Take what is there, a model above all, out of what the garbage collector walks."""
    gc.freeze()


def bury_the_dead(folder: str) -> None:
    """Drop what workers that were killed told last, since it would be told for ever."""
    for pid in {file.stem.rpartition("_")[2] for file in Path(folder).glob("gauge_live*.db")}:
        if not psutil.pid_exists(int(pid)):
            multiprocess.mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


_beside: set[asyncio.Task[None]] = set()


def begin() -> None:
    """Prepare a worker that is about to take requests."""
    # BentoML empties it at each start.
    shared = BentoMLContainer.prometheus_multiproc_dir.get()
    bury_the_dead(shared)
    workers = AmongWorkers(Path(shared) / f"workers-{os.getppid()}.lock")
    gc.collect()
    gc.set_threshold(20_000, 20, 100)
    settle()
    sys.setswitchinterval(_SWITCH_SECONDS)
    drain_at_sigterm(serving(app), workers.is_last)
    _beside.add(asyncio.create_task(end_with_parent(os.getppid())))


# BentoML begins and ends its lifespan with that of each worker.
app = application(open_app, on_start=begin, on_swap=settle)


class EnteredService(Service[Any]):  # type: ignore[misc]
    """A BentoML service behind our entrance."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT001, FBT002 - BentoML's
        """Return the application that a worker runs."""
        self.inject_config()
        # The entrance counts; BentoML's own count costs more and has a label for every path.
        inner = ServiceAppFactory(self, is_main=is_main, enable_metrics=False)()
        # A redirect would name whatever host the client sent.
        inner.router.redirect_slashes = False
        entrance = Entrance(inner, app)
        # BentoML lets uvicorn choose; this is what it is to choose.
        chosen: Any = partial(BoundedProtocol, shortcut=entrance)
        uvicorn.config.HTTP_PROTOCOLS["auto"] = chosen
        return entrance


@bentoml.service(
    name="recommendations",
    service_class=EnteredService,
    workers=SETTINGS.workers,
    envs=[{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
    logging={"access": {"enabled": False}},
    metrics={"enabled": True},
    traffic={"timeout": 15},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(app, path="/")
class RecommendationsService:
    """Serves the version under the alias ``production``, and takes ratings."""

    def __is_ready__(self) -> bool:
        """Tell BentoML's ``/readyz``: only with a model and histories."""
        return serving(app).is_ready
