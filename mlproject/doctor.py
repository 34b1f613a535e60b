"""Looks at every part from outside and says what to do."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlproject.batches.foreign import survey
from mlproject.bootstrap import App
from mlproject.catalogue.stored import CATALOGUE, read_catalogue
from mlproject.config import Settings
from mlproject.core import columns as c
from mlproject.core.errors import (
    CatalogueError,
    DataError,
    TvrecError,
    UnavailableError,
    VersionNotFoundError,
)
from mlproject.core.ports import ObjectStore
from mlproject.objects.locks import hold
from mlproject.pipelines.stream_note import read_note
from mlproject.snapshot.ingest import current


@dataclass(frozen=True)
class Finding:
    """One part: whether it is fine, and what was found or what to do."""

    part: str
    ok: bool
    text: str


def examine(app: App) -> list[Finding]:
    """Check the state folder, the store, the data, MLflow, the version, the service."""
    settings, store = app.settings, app.store

    def state() -> str:
        with hold(settings.state_dir / "doctor.lock", "another doctor"):
            return f"{settings.state_dir.resolve()} can be written"

    def catalogue() -> str:
        return f"{len(read_catalogue(store))} shows in {store.uri}"

    def mlflow() -> str:
        app.registry.ping()
        return f"answers at {settings.tracking_uri}"

    def production() -> str:
        version = app.registry.production()
        if version is None:
            raise VersionNotFoundError("no version yet; `tvrec train` makes one")
        return f"version {version.number}: {version.tags.get('reason', '')}"

    def service() -> str:
        if not app.service.is_ready():
            raise UnavailableError(
                f"not ready at {settings.service_url}; `make run` starts it, "
                "and it is ready once a version is in production"
            )
        return f"ready at {settings.service_url}"

    return [
        _check("state folder", state),
        _check("catalogue", catalogue),
        _check("ratings", lambda: _ratings(settings, store)),
        _check("MLflow", mlflow),
        _check("production", production),
        _check("service", service),
    ]


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
