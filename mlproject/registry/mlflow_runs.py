"""Runs in MLflow."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import mlflow
from mlflow.data.dataset import Dataset
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import TrackingUnavailableError
from mlproject.core.ports import RunLog
from mlproject.core.runs import RunInfo, the_one
from mlproject.registry.mlflow_server import NOT_FOUND, MlflowServer
from mlproject.registry.runs_page import experiment_tags, runs_page

log = logging.getLogger(__name__)

NOTE: Final = "mlflow.note.content"
"""The tag whose Markdown MLflow's page shows as the description."""


@dataclass(frozen=True, kw_only=True)
class MlflowRuns(MlflowServer):
    """An experiment of an MLflow server.

    Parameters
    ----------
    uri
        The server's address.
    experiment
        Name of the experiment that holds the runs.
    k
        The k of precision@k, which the page of the runs shows.
    inside_run
        Whether ``mlflow run`` has opened a run for this process, which is then used.
    """

    experiment: str
    k: int = 10
    inside_run: bool = False

    def page(self) -> str:
        """Return the address of the page on which people compare the runs."""
        with self.translated():
            experiment = self.find_experiment(self.experiment)
        return runs_page(self.uri, experiment.experiment_id) if experiment else self.uri

    @contextmanager
    def run(self, name: str) -> Iterator[RunLog]:
        """Open a run; it ends FINISHED, KILLED if it was cancelled, FAILED if it raises.

        One that is opened while another is open is its child.
        """
        with self.translated():
            mlflow.set_tracking_uri(self.uri)
            if not self.inside_run:
                self._ensure_experiment()
                mlflow.set_experiment(self.experiment)
            outer = mlflow.active_run()
            named = None if self.inside_run and not outer else name
            run_id = mlflow.start_run(run_name=named, nested=outer is not None).info.run_id
            if named is None:
                mlflow.set_tag(MLFLOW_RUN_NAME, name)
        try:
            yield _MlflowRun(run_id, self)
        except BaseException as error:
            try:
                self._end("KILLED" if isinstance(error, Cancelled) else "FAILED")
            except TrackingUnavailableError as second:
                # Told, not raised: it would hide what ended the run.
                log.warning("the run %s stays open: %s", run_id, second)
            raise
        self._end("FINISHED")

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name, such as one that `mlflow run` has opened."""
        with self.translated():
            self.client.set_tag(run_id, MLFLOW_RUN_NAME, name)

    def end_abandoned(self, by: str) -> int:
        """End the runs that ``by`` left open when it was killed; return how many."""
        with self.translated():
            client = self.client
            experiment = self.find_experiment(self.experiment)
            if experiment is None:
                return 0
            found = client.search_runs(
                [experiment.experiment_id],
                f"attributes.status = 'RUNNING' and tags.trained_by = '{by}'",
            )
            for run in found:
                client.set_terminated(run.info.run_id, "KILLED")
        return len(found)

    def runs(self, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs, newest first."""
        with self.translated():
            experiment = self.find_experiment(self.experiment)
            if experiment is None:
                return []
            found = self.client.search_runs(
                [experiment.experiment_id],
                order_by=["attributes.start_time DESC"],
                max_results=limit,
            )
        return [run_info(run) for run in found]

    def run_id(self, start: str) -> str:
        """Return the id of the run whose id begins like this.

        Raises
        ------
        VersionNotFoundError
            If there is none, or more than one.
        """
        if not start.isalnum():  # it is part of a query
            return the_one(start, [])
        with self.translated():
            experiment = self.find_experiment(self.experiment)
            found = (
                self.client.search_runs(
                    [experiment.experiment_id],
                    f"attributes.run_id LIKE '{start}%'",
                    max_results=2,
                )
                if experiment
                else []
            )
        return the_one(start, [run.info.run_id for run in found])

    def find_run(self, run_id: str) -> RunInfo | None:
        """Return a run, None if there is none."""
        if not run_id:
            return None
        with self.translated():
            try:
                return run_info(self.client.get_run(run_id))
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise
                return None

    def _end(self, status: str) -> None:
        with self.translated():
            mlflow.end_run(status)

    def _ensure_experiment(self) -> None:
        client, tags = self.client, experiment_tags(self.k)
        experiment = self.find_experiment(self.experiment)
        if experiment is None:
            client.create_experiment(self.experiment, tags=dict(tags))
            return
        # Whoever made it, `mlflow run` for one, did not set up its page.
        for key, value in tags.items():
            if experiment.tags.get(key) != value:
                client.set_experiment_tag(experiment.experiment_id, key, value)


@dataclass(slots=True)
class _MlflowRun:
    """The run that is open in this process."""

    run_id: str
    server: MlflowServer
    model_id: str | None = None
    data: Dataset | None = None

    def params(self, values: Mapping[str, Any]) -> None:
        with self.server.translated():
            mlflow.log_params(dict(values))

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log metrics; they are the model's too, once it is logged."""
        with self.server.translated():
            mlflow.log_metrics(dict(values), model_id=self.model_id, dataset=self.data)

    def tags(self, values: Mapping[str, str]) -> None:
        with self.server.translated():
            mlflow.set_tags(dict(values))

    def note(self, text: str) -> None:
        self.tags({NOTE: text})

    def dataset(self, name: str, digest: str, uri: str) -> None:
        """Log which data was used; metrics that follow are of this data."""
        with self.server.translated():
            with warnings.catch_warnings():
                # Several of MLflow's classes can describe a folder; any will do.
                warnings.simplefilter("ignore")
                source = mlflow.data.dataset_source_registry.resolve_dataset_source(uri)
            # MLflow's stubs call it abstract; it is meant to be made.
            self.data = mlflow.data.meta_dataset.MetaDataset(source, name, digest)  # type: ignore[abstract]
            mlflow.log_input(self.data, "training")

    def artifacts(self, folder: Path) -> None:
        with self.server.translated():
            mlflow.log_artifacts(str(folder), folder.name)

    def model(self, folder: Path) -> None:
        from mlproject.registry.model_logging import log_model  # noqa: PLC0415 - needs pandas

        with self.server.translated():
            self.model_id = log_model(folder)


def run_info(run: Run) -> RunInfo:
    """Return a run as a record."""
    return RunInfo(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started_at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        metrics=dict(run.data.metrics),
        params=dict(run.data.params),
        tags={key: value for key, value in run.data.tags.items() if "mlflow." not in key},
        parent=run.data.tags.get("mlflow.parentRunId", ""),
    )
