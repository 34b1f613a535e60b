"""Tells a newcomer what is up and how to try it, each thing once."""

import json
import threading
from collections.abc import Callable
from typing import Final

from mlproject.bootstrap import App
from mlproject.core.errors import TvrecError, UnavailableError
from mlproject.core.masking import mask
from mlproject.core.ports import RunTracker, VersionRegistry
from mlproject.core.runs import VersionInfo

_POLL_SECONDS: Final = 2.0


def follow(app: App, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Say what is up, until ``stop`` is set.

    Parameters
    ----------
    app
        What to look at.
    stop
        Set from outside.
    say
        Prints a line.
    """
    settings, registry = app.settings, app.registry
    said: set[str] = set()
    version = 0
    while not stop.is_set():
        if "mlflow" not in said and _answers(registry):
            said.add("mlflow")
            say(f"MLflow is at {mask(settings.tracking_uri)}")
        current = _production(registry) if "mlflow" in said else None
        if current is not None and current.number != version:
            version = current.number
            say(f"version {version} is in production: {current.tags.get('reason', '')}")
            if "page" not in said:
                said.add("page")
                say(f"compare the runs: {mask(registry.page())}")
        if "service" not in said and app.service.is_ready():
            said.add("service")
            say(f"see what it recommends: {settings.service_url}/")
            body = json.dumps({"user_id": 1, "num_items": 10})
            say(
                f"try: curl -s {settings.service_url}/recommend "
                f"-H 'Content-Type: application/json' -d '{body}'"
            )
        stop.wait(_POLL_SECONDS)


def _answers(registry: RunTracker) -> bool:
    try:
        registry.ping()
    except UnavailableError:
        return False
    return True


def _production(registry: VersionRegistry) -> VersionInfo | None:
    try:
        return registry.production()
    except TvrecError:
        return None
