"""Looks at every part from outside and says what to do."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock

import numpy as np

from mlproject.batches.foreign import survey
from mlproject.bootstrap import App
from mlproject.catalogue.keys import CATALOGUE
from mlproject.catalogue.stored import read_catalogue
from mlproject.config import Settings
from mlproject.core import columns as c
from mlproject.core.decisions import Outcome, standing
from mlproject.core.errors import (
    ArtifactError,
    CatalogueError,
    DataError,
    DecisionError,
    TrackingUnavailableError,
    TvrecError,
    UnavailableError,
    VersionNotFoundError,
)
from mlproject.core.ports import ModelRegistry, ObjectStore
from mlproject.models.files import load_model
from mlproject.objects.locks import hold
from mlproject.pipelines.decide import WINDOW, settle
from mlproject.pipelines.stream_note import read_note
from mlproject.snapshot.switch import current


@dataclass(frozen=True)
class Finding:
    """One part: whether it is fine, and what was found or what to do."""

    part: str
    ok: bool
    text: str


def repair(app: App) -> list[str]:
    """Carry out what was decided about production and is not done; say what was mended."""
    app.registry.ping()
    return settle(app.registry, patience=timedelta(0))


def examine(app: App) -> list[Finding]:
    """Check the state folder, the store, the data, MLflow, the version, the service.

    All are asked at once: several servers that hang take no longer than one.
    """
    settings, store = app.settings, app.store

    def state() -> str:
        with hold(settings.state_dir / "doctor.lock", "another doctor"):
            return f"{settings.state_dir.resolve()} can be written"

    def catalogue() -> str:
        return f"{len(read_catalogue(store))} shows in {store.uri}"

    # Made here, not by several threads.
    registry, client = _Registry(app, app.registry), app.service

    def service() -> str:
        if not client.is_ready():
            raise UnavailableError(
                f"not ready at {settings.service_url}; `make run` starts it, "
                "and it is ready once a version is in production"
            )
        return f"ready at {settings.service_url}{_served(app)}"

    looks: dict[str, Callable[[], str]] = {
        "state folder": state,
        "catalogue": catalogue,
        "ratings": lambda: _ratings(settings, store),
        "MLflow": registry.reached,
        "production": registry.production,
        "decisions": registry.decisions,
        "service": service,
    }
    with ThreadPoolExecutor(len(looks)) as threads:
        return list(threads.map(_check, looks.keys(), looks.values()))


@dataclass(slots=True)
class _Registry:
    """Looks at MLflow; a server that hangs is waited for once, by whoever asks first."""

    app: App
    server: ModelRegistry
    trouble: TrackingUnavailableError | None = None
    lock: Lock = field(default_factory=Lock)

    def reached(self) -> str:
        """Say that the server answers."""
        with self.lock:
            if self.trouble is not None:
                raise self.trouble
            try:
                self.server.ping()
            except TrackingUnavailableError as error:
                self.trouble = error
                raise
        return f"answers at {self.app.settings.tracking_uri}"

    def production(self) -> str:
        """Say what is in production, and that its files are there."""
        self.reached()
        version = self.server.production()
        if version is None:
            raise VersionNotFoundError("no version yet; `tvrec train` makes one")
        # Anew, since a copy of it that is here says nothing of what MLflow has.
        with tempfile.TemporaryDirectory(prefix="tvrec-") as folder:
            try:
                load_model(self.server.download(version.number, Path(folder)))
            except ArtifactError as error:
                raise ArtifactError(
                    f"version {version.number} cannot be loaded: {error}; `tvrec rollback` goes "
                    "back to the one before"
                ) from error
        return f"version {version.number}: {version.tags.get('reason', '')}"

    def decisions(self) -> str:
        """Say whether production is what was decided, and whether it is held.

        Raises
        ------
        DecisionError
            If it is not.
        """
        self.reached()
        decisions = self.server.decisions(WINDOW)
        found, production = standing(decisions), self.server.production()
        unfinished = [one for one in decisions if one.outcome is Outcome.OPEN]
        number = production.number if production else 0
        if unfinished:
            one = unfinished[-1]
            what = f"{one.action} {f'of version {one.version} ' if one.version else ''}by {one.by}"
            raise DecisionError(
                f"{what} was begun at {one.at:%H:%M:%S} UTC and is not done; if it does not go on, "
                "`tvrec doctor --repair` carries it out"
            )
        if found.production not in {0, number}:
            raise DecisionError(
                f"version {found.production} was decided for, and {number or 'none'} is in "
                "production; the next build or `tvrec doctor --repair` notes it, or puts the alias "
                "back"
            )
        held = found.hold(self.app.clock.now())
        return f"production is {held.hold if held else 'not held'}"


def _served(app: App) -> str:
    """Say which version answers, as far as the service tells.

    Raises
    ------
    DecisionError
        If it is another than the one in production.
    """
    served = app.service.model().get("version")
    if served is None:
        return ""
    try:
        app.registry.ping()
        production = app.registry.production()
    except UnavailableError:  # told already, and it serves without
        production = None
    if production is not None and served != production.number:
        raise DecisionError(
            f"it serves version {served}, and version {production.number} is in production: it "
            f"follows within {app.settings.poll_seconds:g} s, or its log says why it cannot"
        )
    return f", serves version {served}"


def _ratings(settings: Settings, store: ObjectStore) -> str:
    """Say what lies there, what of it is left out, and whether the catalogue is of it."""
    found = survey(store)
    if found.foreign:
        raise DataError(found.sentence)
    if not found.batches:
        raise UnavailableError(
            f"no ratings in {store.uri} yet; `tvrec generate-ratings` sends some"
        )
    note = read_note(store)
    left_out = (
        f"; {note.rejected:,} of {note.rows:,} rows of {note.file} are left out"
        if note and note.rejected
        else ""
    )
    batches = "batch" if found.batches == 1 else "batches"
    return f"{found.batches} {batches} in {store.uri}{left_out}{_known(settings, store)}"


def _known(settings: Settings, store: ObjectStore) -> str:
    """Say how many ratings are of shows of the catalogue, once both are there.

    Raises
    ------
    CatalogueError
        If they are too few for a build.
    """
    _, state = current(store)
    if not len(state) or store.etag(CATALOGUE) is None:
        return ""
    shows = read_catalogue(store).frame[c.SHOW_ID].to_numpy()
    known = np.isin(state.ratings.show_id, shows)
    text = (
        f"the catalogue knows the shows of {known.mean():.1%} of the ratings "
        f"({known.sum():,} of {len(known):,})"
    )
    if known.mean() < settings.min_known:
        raise CatalogueError(
            f"{text}, and no build trains on less than {settings.min_known:.0%} (TVREC_MIN_KNOWN); "
            "`tvrec export-shows --catalogue FILE` exports the catalogue of these shows"
        )
    return f"; {text}"


def _check(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, ok=True, text=look())
    except TvrecError as error:
        return Finding(part, ok=False, text=str(error))
