"""Logs a run by MLflow's own client; a separate module, since its import is slow."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import requests
from mlflow.data.dataset import Dataset
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import TrackingUnavailableError
from mlproject.core.ports import RunLog
from mlproject.registry.mlflow_server import NOTE, MlflowServer

log = logging.getLogger(__name__)


@contextmanager
def open_run(
    server: MlflowServer, name: str, experiment: str, *, inside_run: bool
) -> Iterator[RunLog]:
    """Open a run; it ends FINISHED, KILLED if it was cancelled, FAILED if it raises.

    One that is opened while another is open is its child.

    Parameters
    ----------
    server
        Where runs are kept.
    name
        Of the run.
    experiment
        Name of the experiment, which is there.
    inside_run
        Whether ``mlflow run`` has opened a run for this process, which is then used.
    """
    with translated(server):
        mlflow.set_tracking_uri(server.uri)
        if not inside_run:
            mlflow.set_experiment(experiment)
        outer = mlflow.active_run()
        named = None if inside_run and not outer else name
        run_id = mlflow.start_run(run_name=named, nested=outer is not None).info.run_id
        if named is None:
            mlflow.set_tag(MLFLOW_RUN_NAME, name)
    try:
        yield _MlflowRun(run_id, server)
    except BaseException as error:
        try:
            _end(server, "KILLED" if isinstance(error, Cancelled) else "FAILED")
        except TrackingUnavailableError as second:
            # Told, not raised: it would hide what ended the run.
            log.warning("the run %s stays open: %s", run_id, second)
        raise
    _end(server, "FINISHED")


@contextmanager
def translated(server: MlflowServer) -> Iterator[None]:
    """Raise what MLflow's client raises as TrackingUnavailableError.

    It lets through some errors of its HTTP library, requests.
    """
    try:
        yield
    except (MlflowException, requests.RequestException) as error:
        # MLflow's own error about a server that is away has that of requests behind it.
        below = error.__cause__ or error.__context__
        away = any(isinstance(one, requests.RequestException) for one in (error, below))
        raise (server.silent() if away else server.refused(str(error))) from error


def _end(server: MlflowServer, status: str) -> None:
    with translated(server):
        mlflow.end_run(status)


@dataclass(slots=True)
class _MlflowRun:
    """The run that is open in this process."""

    run_id: str
    server: MlflowServer
    model_id: str | None = None
    data: Dataset | None = None

    def params(self, values: Mapping[str, Any]) -> None:
        with translated(self.server):
            mlflow.log_params(dict(values))

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log metrics; they are the model's too, once it is logged."""
        with translated(self.server):
            mlflow.log_metrics(dict(values), model_id=self.model_id, dataset=self.data)

    def tags(self, values: Mapping[str, str]) -> None:
        with translated(self.server):
            mlflow.set_tags(dict(values))

    def note(self, text: str) -> None:
        self.tags({NOTE: text})

    def dataset(self, name: str, digest: str, uri: str) -> None:
        """Log which data was used; metrics that follow are of this data."""
        with translated(self.server):
            with warnings.catch_warnings():
                # Several of MLflow's classes can describe a folder; any will do.
                warnings.simplefilter("ignore")
                source = mlflow.data.dataset_source_registry.resolve_dataset_source(uri)
            # MLflow's stubs call it abstract; it is meant to be made.
            self.data = mlflow.data.meta_dataset.MetaDataset(source, name, digest)  # type: ignore[abstract]
            mlflow.log_input(self.data, "training")

    def artifacts(self, folder: Path) -> None:
        with translated(self.server):
            mlflow.log_artifacts(str(folder), folder.name)

    def text(self, name: str, text: str) -> None:
        with translated(self.server):
            mlflow.log_text(text, name)

    def model(self, folder: Path) -> None:
        from mlproject.registry.model_logging import log_model  # noqa: PLC0415 - needs pandas

        with translated(self.server):
            self.model_id = log_model(folder)
