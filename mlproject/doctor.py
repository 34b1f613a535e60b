"""Looks at every part from outside and says what to do."""

from collections.abc import Callable
from dataclasses import dataclass

from mlproject.batches import keys
from mlproject.bootstrap import App
from mlproject.catalogue.stored import read_catalogue
from mlproject.core.errors import TvrecError, UnavailableError, VersionNotFoundError
from mlproject.objects.locks import hold


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

    def ratings() -> str:
        count = sum(1 for _ in store.list(keys.BATCHES))
        if not count:
            raise UnavailableError(
                f"no ratings in {store.uri} yet; `tvrec generate-ratings` sends some"
            )
        return f"{count} {'batch' if count == 1 else 'batches'} in {store.uri}"

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
        _check("ratings", ratings),
        _check("MLflow", mlflow),
        _check("production", production),
        _check("service", service),
    ]


def _check(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, ok=True, text=look())
    except TvrecError as error:
        return Finding(part, ok=False, text=str(error))
