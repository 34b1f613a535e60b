"""Runs in MLflow."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mlproject.core.ports import RunLog
from mlproject.core.runs import RunInfo, the_one
from mlproject.registry.mlflow_server import NOTE, MlflowServer, pairs, tag_list
from mlproject.registry.runs_page import experiment_tags, runs_page

_RUN_NAME: Final = "mlflow.runName"
_PARENT: Final = "mlflow.parentRunId"
_PAGE: Final = 1000


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
        place = self.find_experiment(self.experiment)
        return runs_page(self.uri, place["experiment_id"]) if place else self.uri

    @contextmanager
    def run(self, name: str) -> Iterator[RunLog]:
        """Open a run; it ends FINISHED, KILLED if it was cancelled, FAILED if it raises.

        One that is opened while another is open is its child.
        """
        if not self.inside_run:
            self._ensure_experiment()
        from mlproject.registry.mlflow_logging import open_run  # noqa: PLC0415 - takes seconds

        with open_run(self, name, self.experiment, inside_run=self.inside_run) as log:
            yield log

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name, such as one that `mlflow run` has opened."""
        self._tag(run_id, {_RUN_NAME: name})

    def amend(self, run_id: str, tags: Mapping[str, str], note: str) -> None:
        """Change tags and the note of a run that has ended."""
        self._tag(run_id, {**tags, NOTE: note})

    def end_abandoned(self, by: str) -> int:
        """End the runs that ``by`` left open when it was killed; return how many."""
        found = self.search(
            self.experiment,
            f"attributes.status = 'RUNNING' and tags.trained_by = '{by}'",
            limit=_PAGE,
        )
        for run in found:
            self.end(run["info"]["run_id"], "KILLED")
        return len(found)

    def runs(self, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs, newest first."""
        return [run_info(run) for run in self.search(self.experiment, limit=limit)]

    def run_id(self, start: str) -> str:
        """Return the id of the run whose id starts with a text.

        Raises
        ------
        VersionNotFoundError
            If there is none, or more than one.
        """
        if not start.isalnum():  # it is part of a query
            return the_one(start, [])
        found = self.search(self.experiment, f"attributes.run_id LIKE '{start}%'", limit=2)
        return the_one(start, [run["info"]["run_id"] for run in found])

    def find_run(self, run_id: str) -> RunInfo | None:
        """Return a run, None if there is none."""
        answer = self.find("GET", "runs/get", {"run_id": run_id}) if run_id else None
        return run_info(answer["run"]) if answer else None

    def _tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.ask("POST", "runs/log-batch", {"run_id": run_id, "tags": tag_list(tags)})

    def _ensure_experiment(self) -> None:
        wanted = experiment_tags(self.k)
        place = self.find_experiment(self.experiment)
        if place is None:
            self.make_experiment(self.experiment, wanted)
            return
        # Whoever made it, `mlflow run` for one, did not set up its page.
        known = pairs(place.get("tags", ()))
        for key, value in wanted.items():
            if known.get(key) != value:
                self.ask(
                    "POST",
                    "experiments/set-experiment-tag",
                    {"experiment_id": place["experiment_id"], "key": key, "value": value},
                )


def run_info(run: Mapping[str, Any]) -> RunInfo:
    """Return a run as a record."""
    info, data = run["info"], run.get("data", {})
    tags = pairs(data.get("tags", ()))
    return RunInfo(
        run_id=info["run_id"],
        name=info.get("run_name", ""),
        status=info["status"],
        started_at=datetime.fromtimestamp(int(info["start_time"]) / 1000, UTC),
        metrics={one["key"]: float(one["value"]) for one in data.get("metrics", ())},
        params=pairs(data.get("params", ())),
        tags={key: value for key, value in tags.items() if "mlflow." not in key},
        parent=tags.get(_PARENT, ""),
        location=info.get("artifact_uri", ""),
    )
