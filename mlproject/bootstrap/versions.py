"""Runs, versions and models, in MLflow and on this machine."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from mlproject import config
from mlproject.bootstrap.base import Base

if TYPE_CHECKING:
    from mlproject.core.model import TrainedModel
    from mlproject.core.ports import ModelRegistry
    from mlproject.models.cache import ModelCache
    from mlproject.pipelines.retain import Keep
    from mlproject.serving.recommender import Recommender


# What MLflow is to do that its own defaults do not.
_MLFLOW: Final = {
    # Seven retries with back-off are minutes; the next cycle tries again anyway. Commands ask
    # first whether the server answers, and do not come to this if it hangs.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    # The client's default is to go to the artifact store itself, where the server has S3. Ours go
    # through the server, which alone has to reach the store.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}

# For so long, what was deleted in MLflow by mistake can be restored there.
_RESTORABLE: Final = "7d"


class VersionsPart(Base):
    """The adapters of MLflow."""

    @cached_property
    def registry(self) -> ModelRegistry:
        """Runs and versions, in MLflow."""
        config.set_defaults(_MLFLOW)
        from mlproject.registry.mlflow_registry import MlflowRegistry

        settings = self.settings
        return MlflowRegistry(
            settings.tracking_uri,
            experiment=settings.experiment,
            model=settings.registered_model,
            k=settings.k,
            inside_run=settings.mlflow_run_id is not None,
        )

    @property
    def keep(self) -> Keep:
        """How long runs, models and versions are kept."""
        from mlproject.pipelines.retain import Keep

        settings = self.settings
        return Keep(
            models=timedelta(hours=settings.keep_models_hours),
            runs=timedelta(days=settings.keep_runs_days),
            versions=timedelta(days=settings.keep_versions_days),
            history=settings.keep_history,
        )

    def free_rows(self) -> bool:
        """Free the rows of what was deleted from MLflow; tell whether its database is here.

        It is where a setting says, or beside us as `make run` has it. Elsewhere the server's
        own deployment has to do it, by `mlflow gc`.
        """
        from mlproject.registry.mlflow_rows import free_rows

        settings = self.settings
        beside = settings.state_dir.resolve() / "mlflow" / "mlflow.db"
        if settings.mlflow_backend_store_uri is not None:
            database = settings.mlflow_backend_store_uri.get_secret_value()
        elif beside.is_file():
            database = f"sqlite:///{beside}"
        else:
            return False
        free_rows(database, settings.tracking_uri, _RESTORABLE)
        return True

    def model_cache(self, owner: str) -> ModelCache:
        """Return the folder in which a process keeps the versions it has loaded."""
        from mlproject.models.cache import ModelCache

        return ModelCache(
            self.settings.state_dir / "models" / owner,
            lambda number, folder: self.registry.download(number, folder),  # noqa: PLW0108
        )

    def recommender(
        self, number: int, model: TrainedModel, about: dict[str, Any] | None = None
    ) -> Recommender:
        """Return what answers for a version; very many shows are put into an index first."""
        from mlproject.models.vector_index import VectorIndex
        from mlproject.serving.recommender import Recommender

        large = len(model.shows) >= self.settings.index_shows
        return Recommender(number, model, about or {}, VectorIndex.of(model) if large else None)
