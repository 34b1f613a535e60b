"""Runs in the database that they have on a cluster."""

import os
from pathlib import Path
from unittest.mock import patch

import mlflow
import psycopg
import pytest

from mlproject import config
from mlproject.bootstrap import App
from mlproject.models.files import save_model
from mlproject.registry.mlflow_registry import MlflowRegistry
from tests import servers
from tests.builders import model

pytestmark = [
    pytest.mark.e2e,
    # MLflow's own deprecated calls are not ours to mend.
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
    ),
]


def test_the_database_has_nothing_to_report_of_a_run(tmp_path: Path) -> None:
    """MLflow would log the metrics of a model a second time."""
    folder = tmp_path / "model"
    folder.mkdir()
    save_model(model(), folder)
    with (
        servers.postgresql() as (database, log),
        servers.mlflow_server(tmp_path, runs=database) as uri,
        patch.dict(os.environ),
    ):
        registry = App(config.load(mlflow_tracking_uri=uri)).registry
        assert isinstance(registry, MlflowRegistry)
        with registry.run("any") as run:
            run.model(folder)
            run.metrics({"precision_at_10": 0.25})
        with psycopg.connect(database.replace("+psycopg", "")) as connection:
            kept = connection.execute("SELECT DISTINCT key FROM metrics").fetchall()
        assert kept == [("precision_at_10",)], "the machine is not sampled"
        assert "ERROR" not in log.read_text()

        client = mlflow.MlflowClient(uri)
        (logged,) = client.get_run(run.run_id).outputs.model_outputs
        metrics = client.get_logged_model(logged.model_id).metrics
        assert [(metric.key, metric.value) for metric in metrics or []] == [
            ("precision_at_10", 0.25)
        ]
