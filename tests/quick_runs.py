"""Runs, models and versions on a real MLflow, made by its REST API: its own client is slow."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.registry.mlflow_server import milliseconds, tag_list


def log_quickly(
    registry: MlflowRegistry,
    files: Mapping[str, bytes],
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Log a run with a model of these files, as a training does; return the run's id."""
    now = milliseconds(datetime.now(UTC))
    place = registry.find_experiment(registry.experiment)
    experiment = (
        place["experiment_id"] if place else registry.make_experiment(registry.experiment, {})
    )
    run = registry.ask(
        "POST",
        "runs/create",
        {"experiment_id": experiment, "start_time": now, "run_name": "quick"},
    )["run"]["info"]
    run_id: str = run["run_id"]
    registry.ask(
        "POST",
        "runs/log-inputs",
        {
            "run_id": run_id,
            "datasets": [
                {
                    "dataset": {
                        "name": "ratings",
                        "digest": uuid4().hex[:8],
                        "source_type": "local",
                        "source": '{"uri": "file:///store"}',
                    },
                    "tags": [{"key": "mlflow.data.context", "value": "training"}],
                }
            ],
        },
    )
    registry.ask(
        "POST",
        "runs/log-batch",
        {
            "run_id": run_id,
            "metrics": [
                {"key": key, "value": value, "timestamp": now, "step": 0}
                for key, value in (metrics or {}).items()
            ],
            "params": tag_list(params or {}),
            "tags": tag_list(tags or {}),
        },
    )
    fields = {"experiment_id": experiment, "name": "model", "source_run_id": run_id}
    model = registry.ask("POST", "logged-models", fields)["model"]["info"]
    for name, content in files.items():
        folder = model["artifact_uri"].partition(":/")[2].strip("/")
        path = f"{folder}/artifacts/model/{name}"
        url = f"{registry.uri}/api/2.0/mlflow-artifacts/artifacts/{path}"
        with registry.answer("PUT", url, body=content):
            pass
    model_id = model["model_id"]
    fields = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
    registry.ask("PATCH", f"logged-models/{model_id}", fields)
    fields = {"run_id": run_id, "models": [{"model_id": model_id, "step": 0}]}
    registry.ask("POST", "runs/outputs", fields)
    registry.end(run_id, "FINISHED")
    return run_id
