"""Deletes runs, models and versions of one MLflow server.

MLflow only marks a run or model as deleted, and keeps its files and rows until `mlflow gc` runs
on the server's database. The files are most of it, and are deleted at once, through the server.
The rows are left to :mod:`~mlproject.registry.mlflow_rows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mlproject.core.runs import LoggedModel, RunInfo
from mlproject.registry.mlflow_files import MlflowFiles
from mlproject.registry.mlflow_runs import run_info
from mlproject.registry.mlflow_server import milliseconds

# Each comes with all its metrics and parameters: more would take a busy server too long.
_PAGE: Final = 20


@dataclass(frozen=True, kw_only=True)
class MlflowDisposal(MlflowFiles):
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
        place = self.find_experiment(self.experiment)
        found: list[dict[str, Any]] = []
        token = None
        while place is not None and len(found) < limit:
            answer = self.ask(
                "POST",
                "logged-models/search",
                {
                    "experiment_ids": [place["experiment_id"]],
                    "filter": f"creation_timestamp < {milliseconds(instant)}",
                    "max_results": min(_PAGE, limit - len(found)),
                    "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
                    "page_token": token,
                },
            )
            found += [model["info"] for model in answer.get("models", ())]
            token = answer.get("next_page_token")
            if not token:
                break
        return [
            LoggedModel(
                info["model_id"],
                info.get("source_run_id", ""),
                datetime.fromtimestamp(int(info["creation_timestamp_ms"]) / 1000, UTC),
                info["artifact_uri"],
            )
            for info in found
        ]

    def runs_before(self, instant: datetime, limit: int) -> Sequence[RunInfo]:
        """Return the oldest runs that started before an instant."""
        query = f"attributes.start_time < {milliseconds(instant)}"
        order = ["attributes.start_time ASC"]
        return [run_info(run) for run in self.search(self.experiment, query, order, limit=limit)]

    def runs_with(self, tag: str, value: str, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs whose tag has a value."""
        query = f"tags.{tag} = '{value}'"
        return [run_info(run) for run in self.search(self.experiment, query, limit=limit)]

    def drop_version(self, number: int) -> None:
        """Delete a version, and leave its run and its model."""
        fields = {"name": self.model, "version": str(number)}
        self.find("DELETE", "model-versions/delete", fields)

    def drop_model(self, model: LoggedModel) -> None:
        """Delete a model, its files at once."""
        self.remove(model.location)
        self.find("DELETE", f"logged-models/{model.model_id}")

    def drop_run(self, run: RunInfo) -> None:
        """Delete a run, its files at once."""
        self.remove(run.location)
        self.find("POST", "runs/delete", {"run_id": run.run_id})
