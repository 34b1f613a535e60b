"""Runs and versions in MLflow, and the only module that speaks to it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import TrackingUnavailableError, VersionNotFoundError
from mlproject.core.ports import RunLog
from mlproject.core.runs import RunInfo, VersionInfo
from mlproject.registry.runs_page import experiment_tags, runs_page

PRODUCTION: Final = "production"
PREVIOUS: Final = "previous"

_MODEL: Final = "model"
_NOT_FOUND: Final = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)


@dataclass(frozen=True, slots=True)
class MlflowRegistry:
    """An MLflow server's experiment and registered model.

    Parameters
    ----------
    uri
        The server's address.
    experiment, model
        Names of the experiment that holds the runs and of the registered model.
    k
        The k of precision@k, which the page of the runs shows.
    inside_run
        Whether ``mlflow run`` has opened a run for this process, which is then used.
    """

    uri: str
    experiment: str
    model: str
    k: int = 10
    inside_run: bool = False

    @property
    def _client(self) -> MlflowClient:
        return MlflowClient(self.uri, self.uri)

    def ping(self) -> None:
        """Raise TrackingUnavailableError if the server does not answer."""
        try:
            requests.get(f"{self.uri}/health", timeout=5).raise_for_status()
        except requests.RequestException as error:
            raise self._unavailable(error) from error

    @contextmanager
    def run(self, name: str) -> Iterator[RunLog]:
        """Open a run; it ends FINISHED, KILLED if it was cancelled, FAILED if it raises."""
        with self._translated():
            mlflow.set_tracking_uri(self.uri)
            if not self.inside_run:
                self._ensure_experiment()
                mlflow.set_experiment(self.experiment)
            run = mlflow.start_run(run_name=None if self.inside_run else name)
        status = "FAILED"
        try:
            yield _MlflowRun(run.info.run_id, self)
            status = "FINISHED"
        except Cancelled:
            status = "KILLED"
            raise
        finally:
            with self._translated():
                mlflow.end_run(status)

    def runs(self, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs, newest first."""
        with self._translated():
            experiment = self._client.get_experiment_by_name(self.experiment)
            if experiment is None:
                return []
            found = self._client.search_runs(
                [experiment.experiment_id],
                order_by=["attributes.start_time DESC"],
                max_results=limit,
            )
        return [_run_info(run) for run in found]

    def find_run(self, run_id: str) -> RunInfo | None:
        """Return a run, None if there is none."""
        if not run_id:
            return None
        with self._translated():
            try:
                return _run_info(self._client.get_run(run_id))
            except MlflowException as error:
                if error.error_code != _NOT_FOUND:
                    raise
                return None

    def end_abandoned(self, by: str) -> int:
        """End the runs that ``by`` left open when it was killed; return how many."""
        with self._translated():
            client = self._client
            experiment = client.get_experiment_by_name(self.experiment)
            if experiment is None:
                return 0
            found = client.search_runs(
                [experiment.experiment_id],
                f"attributes.status = 'RUNNING' and tags.trained_by = '{by}'",
            )
            for run in found:
                client.set_terminated(run.info.run_id, "KILLED")
        return len(found)

    def versions(self) -> Sequence[VersionInfo]:
        """Return all versions, newest first."""
        with self._translated():
            client = self._client
            found = client.search_model_versions(f"name = '{self.model}'")
            try:
                aliases = client.get_registered_model(self.model).aliases
            except MlflowException as error:
                if error.error_code != _NOT_FOUND:
                    raise
                return []
        infos = [_version_info(version, aliases) for version in found]
        return sorted(infos, key=lambda info: -info.number)

    def version(self, number: int) -> VersionInfo:
        """Return one version; raise VersionNotFoundError if there is none."""
        versions = self.versions()
        for info in versions:
            if info.number == number:
                return info
        known = ", ".join(str(info.number) for info in versions) or "none"
        raise VersionNotFoundError(
            f"{self.model} has no version {number}; there is {known} (see `tvrec runs`)"
        )

    def production(self) -> VersionInfo | None:
        """Return the version under the alias ``production``, if there is one."""
        with self._translated():
            try:
                found = self._client.get_model_version_by_alias(self.model, PRODUCTION)
            except MlflowException as error:
                # An alias that is not there is INVALID_PARAMETER_VALUE; no model is not found.
                if error.error_code in {_NOT_FOUND, "INVALID_PARAMETER_VALUE"}:
                    return None
                raise
        return _version_info(found, {PRODUCTION: found.version})

    def register(self, run_id: str) -> VersionInfo:
        """Make the run's model a version.

        Raises
        ------
        VersionNotFoundError
            If the run has logged no model.
        """
        with self._translated():
            outputs = self._client.get_run(run_id).outputs
            if not outputs or not outputs.model_outputs:
                raise VersionNotFoundError(f"the run {run_id} has logged no model")
            model_id = outputs.model_outputs[0].model_id
            client = self._client
            try:
                client.get_registered_model(self.model)
            except MlflowException as error:
                if error.error_code != _NOT_FOUND:
                    raise
                client.create_registered_model(self.model)
            version = client.create_model_version(
                self.model, f"models:/{model_id}", run_id, model_id=model_id
            )
        return _version_info(version, {})

    def promote(self, number: int, *, by: str, reason: str) -> VersionInfo:
        """Point ``production`` at a version and ``previous`` at the one before it.

        To promote what is in production already changes nothing.
        """
        self.version(number)
        before = self.production()
        if before is not None and before.number == number:
            return before
        tags = {
            "promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "promoted_by": by,
            "promoted_from": str(before.number) if before else "",
            "reason": reason,
        }
        with self._translated():
            client = self._client
            for key, value in tags.items():
                client.set_model_version_tag(self.model, str(number), key, value)
            if before is not None:
                client.set_registered_model_alias(self.model, PREVIOUS, str(before.number))
            # Last, since it is what the service looks at.
            client.set_registered_model_alias(self.model, PRODUCTION, str(number))
        return self.version(number)

    def download(self, number: int, folder: Path) -> Path:
        """Copy a version's model files into ``folder``; return the folder that has them."""
        with self._translated():
            mlflow.set_tracking_uri(self.uri)
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=f"models:/{self.model}/{number}/artifacts/{_MODEL}",
                dst_path=str(folder),
            )
        return Path(path)

    def page(self) -> str:
        """Return the address of the page on which people compare the runs."""
        with self._translated():
            experiment = self._client.get_experiment_by_name(self.experiment)
        return runs_page(self.uri, experiment.experiment_id) if experiment else self.uri

    def _ensure_experiment(self) -> None:
        client, tags = self._client, experiment_tags(self.k)
        experiment = client.get_experiment_by_name(self.experiment)
        if experiment is None:
            client.create_experiment(self.experiment, tags=dict(tags))
            return
        # Whoever made it, `mlflow run` for one, did not set up its page.
        for key, value in tags.items():
            if key not in experiment.tags:
                client.set_experiment_tag(experiment.experiment_id, key, value)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, requests.RequestException) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> TrackingUnavailableError:
        text = str(error)
        if isinstance(error, requests.RequestException) or "Max retries exceeded" in text:
            return TrackingUnavailableError(
                f"MLflow at {self.uri} does not answer; it may still be starting "
                "(`make run` starts it), or MLFLOW_TRACKING_URI is wrong"
            )
        first_line = (text.splitlines() or [type(error).__name__])[0]
        return TrackingUnavailableError(f"MLflow at {self.uri} refused: {first_line}")


@dataclass(frozen=True, slots=True)
class _MlflowRun:
    """The run that is open in this process."""

    run_id: str
    registry: MlflowRegistry

    def params(self, values: Mapping[str, Any]) -> None:
        with self.registry._translated():  # noqa: SLF001
            mlflow.log_params(dict(values))

    def metrics(self, values: Mapping[str, float]) -> None:
        with self.registry._translated():  # noqa: SLF001
            mlflow.log_metrics(dict(values))

    def tags(self, values: Mapping[str, str]) -> None:
        with self.registry._translated():  # noqa: SLF001
            mlflow.set_tags(dict(values))

    def dataset(self, name: str, digest: str, uri: str) -> None:
        with self.registry._translated():  # noqa: SLF001
            with warnings.catch_warnings():
                # Several of MLflow's classes can describe a folder; any will do.
                warnings.simplefilter("ignore")
                source = mlflow.data.dataset_source_registry.resolve_dataset_source(uri)
            # MLflow's stubs call it abstract; it is meant to be made.
            data = mlflow.data.meta_dataset.MetaDataset(source, name, digest)  # type: ignore[abstract]
            mlflow.log_input(data, "training")

    def model(self, folder: Path, example_user: int) -> None:
        from mlproject.registry.model_logging import log_model  # noqa: PLC0415

        with self.registry._translated():  # noqa: SLF001
            log_model(_MODEL, folder, example_user)


def _run_info(run: Run) -> RunInfo:
    return RunInfo(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started_at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        metrics=dict(run.data.metrics),
        params=dict(run.data.params),
        tags={key: value for key, value in run.data.tags.items() if "mlflow." not in key},
    )


def _version_info(version: ModelVersion, aliases: Mapping[str, str]) -> VersionInfo:
    return VersionInfo(
        number=int(version.version),
        run_id=version.run_id or "",
        aliases=tuple(
            sorted(alias for alias, number in aliases.items() if number == version.version)
        ),
        created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
        tags=dict(version.tags),
    )
