"""Tells a newcomer what is up and how to try it, each thing once."""

import json
import threading
from collections.abc import Callable
from typing import Final

from mlproject.bootstrap import App
from mlproject.core.masking import mask
from mlproject.registry import glance

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
    settings, uri = app.settings, app.settings.tracking_uri
    said: set[str] = set()
    version = 0
    while not stop.is_set():
        if "mlflow" not in said and glance.answers(uri):
            said.add("mlflow")
            say(f"MLflow is at {mask(uri)}")
        if "service" not in said and app.service.is_ready():
            said.add("service")
            say(f"see what it recommends: {settings.service_url}/")
            body = json.dumps({"user_id": 1, "num_items": 10})
            say(
                f"try: curl -s {settings.service_url}/recommend "
                f"-H 'Content-Type: application/json' -d '{body}'"
            )
        served = app.service.model() if "service" in said else {}
        if served and served["version"] != version:
            version = served["version"]
            # The service may have a version from its disk before MLflow can say why it is there.
            reason = served.get("reason")
            say(f"version {version} answers" + (f": {reason}" if reason else ""))
        if served and "page" not in said and (page := glance.page_of(uri, settings.experiment)):
            said.add("page")
            say(f"compare the runs: {mask(page)}")
            say("there, `Override saved view` keeps these columns when you reload the page")
        stop.wait(_POLL_SECONDS)
