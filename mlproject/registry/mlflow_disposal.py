"""What is thrown away of one MLflow server.

MLflow marks a deleted run or model as deleted and keeps its files and rows, until `mlflow gc`
on the server's database. Files are most of it, and go at once here, through the server, as
they came. The rows are left to :mod:`~mlproject.registry.mlflow_rows`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlproject.core.runs import LoggedModel, RunInfo
from mlproject.registry.mlflow_runs import run_info
from mlproject.registry.mlflow_server import NOT_FOUND, MlflowServer

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class MlflowDisposal(MlflowServer):
    """An experiment and a registered model of an MLflow server.

    Parameters
    ----------
    uri
        The server's address.
    experiment
        Name of the experiment that holds the runs.
    model
        Name of the registered model.
    """

    experiment: str
    model: str

    def models_before(self, instant: datetime, limit: int) -> Sequence[LoggedModel]:
        """Return the oldest models of runs that were logged before an instant."""
        found: list[LoggedModel] = []
        token: str | None = None
        with self.translated():
            place = self.find_experiment(self.experiment)
            while place is not None and len(found) < limit:
                page = self.client.search_logged_models(
                    [place.experiment_id],
                    filter_string=f"creation_timestamp < {_milliseconds(instant)}",
                    max_results=min(_PAGE, limit - len(found)),
                    order_by=[{"field_name": "creation_timestamp", "ascending": True}],
                    page_token=token,
                )
                found += [
                    LoggedModel(
                        model.model_id,
                        model.source_run_id or "",
                        datetime.fromtimestamp(model.creation_timestamp / 1000, UTC),
                    )
                    for model in page
                ]
                token = page.token
                if not token:
                    break
        return found

    def runs_before(self, instant: datetime, limit: int) -> Sequence[RunInfo]:
        """Return the oldest runs that were begun before an instant."""
        query = f"attributes.start_time < {_milliseconds(instant)}"
        return self._runs(query, "ASC", limit)

    def runs_with(self, tag: str, value: str, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs whose tag has a value."""
        return self._runs(f"tags.{tag} = '{value}'", "DESC", limit)

    def drop_version(self, number: int) -> None:
        """Delete a version, and leave its run and its model."""
        with self._gone_is_no_error():
            self.client.delete_model_version(self.model, str(number))

    def drop_model(self, model_id: str) -> None:
        """Delete a model, its files at once."""
        with self._gone_is_no_error():
            model = self.client.get_logged_model(model_id)
            self._delete_files(model.artifact_location)
            self.client.delete_logged_model(model_id)

    def drop_run(self, run_id: str) -> None:
        """Delete a run, its files at once."""
        with self._gone_is_no_error():
            run = self.client.get_run(run_id)
            self._delete_files(run.info.artifact_uri)
            self.client.delete_run(run_id)

    def _runs(self, query: str, order: str, limit: int) -> list[RunInfo]:
        with self.translated():
            place = self.find_experiment(self.experiment)
            if place is None:
                return []
            found = self.client.search_runs(
                [place.experiment_id],
                query,
                max_results=limit,
                order_by=[f"attributes.start_time {order}"],
            )
        return [run_info(run) for run in found]

    def _delete_files(self, uri: str) -> None:
        mlflow.set_tracking_uri(self.uri)
        get_artifact_repository(uri).delete_artifacts()  # type: ignore[no-untyped-call]

    @contextmanager
    def _gone_is_no_error(self) -> Iterator[None]:
        with self.translated():
            try:
                yield
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
