"""Keeps the service on the version in production."""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mlproject.core.aliases import PRODUCTION
from mlproject.core.errors import ModelError, TvrecError, UnavailableError
from mlproject.core.model import TrainedModel
from mlproject.core.runs import RunInfo, VersionInfo
from mlproject.models.cache import KeptVersion
from mlproject.serving.recommender import Recommender

log = logging.getLogger(__name__)


class ModelWatcher:
    """Polls the alias, and swaps the model when the alias has moved.

    The new model is loaded, checked and warmed up beside the old one, and replaces it by one
    assignment, so no request waits or sees a half-loaded model. On any failure the old one stays.

    Parameters
    ----------
    production
        Tells which version is in production.
    load
        Returns a version's model, and keeps what is known of it for the next life.
    last
        Returns the version of this service's last life, if it kept one.
    poll_seconds
        Time between looks.
    on_swap
        Called with the number of each version that is served from then on.
    find_run
        Returns the run that a version comes from, None if there is none.
    alias
        Of the version that is watched. Production stays if its alias goes, since somebody has
        to answer; any other version goes with its alias.
    make
        Returns what answers, from a version's number, its content and what is known of it.
    """

    def __init__(  # noqa: PLR0913 - one more than the rest, by name
        self,
        production: Callable[[], VersionInfo | None],
        load: Callable[[VersionInfo, Mapping[str, Any]], TrainedModel],
        last: Callable[[], KeptVersion | None],
        poll_seconds: float,
        on_swap: Callable[[int], object] = lambda _: None,
        find_run: Callable[[str], RunInfo | None] = lambda _: None,
        *,
        alias: str = PRODUCTION,
        make: Callable[[int, TrainedModel, dict[str, Any]], Recommender] = Recommender,
    ) -> None:
        self._production = production
        self._load = load
        self._last = last
        self._poll_seconds = poll_seconds
        self._on_swap = on_swap
        self._find_run = find_run
        self._alias = alias
        self._make = make
        self._run_id = ""
        self._trouble = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="model-watcher", daemon=True)
        self.current: Recommender | None = None
        self.failures = 0

    def start(self) -> None:
        """Take up the last model at once, and watch from now on."""
        try:
            if kept := self._last():
                self._swap(self._make(kept.number, kept.model, _loaded(kept.about)))
        except Exception:  # it will be replaced by what is in production
            log.exception("the last model cannot answer")
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the current model stays."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def look(self) -> None:
        """Look once: load what is in production if it is not what is served."""
        try:
            version = self._production()
            if version is None and self._alias != PRODUCTION:
                self.current = None
            elif version is None:
                self._complain("no version is in production yet")
            elif self.current is None or version.run_id != self._run_id:
                about = _about(version, self._find_run(version.run_id))
                model = self._load(version, about)
                self._swap(self._make(version.number, model, _loaded(about)))
                self._run_id = version.run_id
            if version is not None:
                self._trouble = ""
        except UnavailableError as error:
            self._complain(str(error))
        except (ModelError, TvrecError) as error:
            self.failures += 1
            self._complain(f"the version in {self._alias} cannot be loaded: {error}")

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - the watch must outlive any surprise
                self._complain(f"looking for a new version failed: {error!r}", error)
            self._stop.wait(self._poll_seconds)

    def _swap(self, recommender: Recommender) -> None:
        recommender.warm_up()
        self.current = recommender
        self._on_swap(recommender.version)
        log.info("serving version %d as %s", recommender.version, self._alias)

    def _complain(self, trouble: str, surprise: Exception | None = None) -> None:
        """Log a trouble when it begins, not at every look."""
        if trouble != self._trouble:
            serving = f"version {self.current.version} stays" if self.current else "not ready"
            log.warning("%s (%s)", trouble, serving, exc_info=surprise)
            self._trouble = trouble


def _about(version: VersionInfo, run: RunInfo | None) -> dict[str, Any]:
    """Return the fields of ``GET /model`` that are not in a version's files."""
    known = {name: version.tags.get(name) for name in ("promoted_at", "promoted_by", "reason")}
    if run is not None:
        known["trained_at"] = run.started_at.isoformat(timespec="seconds")
    # What MLflow measured of the machine is nobody's business here.
    metrics = {
        name: value
        for name, value in (run.metrics if run else {}).items()
        if math.isfinite(value) and not name.startswith("system/")
    }
    return {"run_id": version.run_id, **known, "metrics": metrics}


def _loaded(about: Mapping[str, Any]) -> dict[str, Any]:
    """Add the time of loading to the fields of a version."""
    return {**about, "loaded_at": datetime.now(UTC).isoformat(timespec="seconds")}
