"""The registry adapter against a real MLflow server."""

import uuid
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import TrackingUnavailableError, VersionNotFoundError
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.models.files import load_model, save_model
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.serving.recommender import Recommender

pytestmark = pytest.mark.e2e

# MLflow's own deprecated calls are not ours to mend.
ignore_mlflow = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
)


@pytest.fixture
def registry(mlflow_server: str) -> MlflowRegistry:
    name = f"test-{uuid.uuid4().hex[:8]}"
    return MlflowRegistry(mlflow_server, experiment=name, model=name)


def small_model(users: int = 5, shows: int = 30) -> TrainedModel:
    """User 0 has no taste that is known; each user has seen the shows u, u+1 and u+2."""
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(users, 4)).astype(np.float32)
    factors[0] = 0
    return TrainedModel(
        users=IdMap(np.arange(users) * 10),
        shows=IdMap(np.arange(shows) + 100),
        user_factors=factors,
        show_factors=rng.normal(size=(shows, 4)).astype(np.float32),
        show_biases=rng.normal(size=shows).astype(np.float32),
        popularity=np.arange(shows, dtype=np.float32)[::-1].copy(),
        seen_indptr=np.arange(users + 1) * 3,
        seen_rows=np.concatenate([np.arange(u, u + 3) for u in range(users)]).astype(np.int32),
        cards=tuple(
            {"show_id": 100 + show, "title": f"Show {show}", "genres": []} for show in range(shows)
        ),
    )


def log_one(registry: MlflowRegistry, folder: Path, model: TrainedModel) -> str:
    folder.mkdir(parents=True)
    save_model(model, folder)
    with registry.run("a run") as run:
        run.params({"epochs": 3})
        run.metrics({"precision_at_10": 0.25})
        run.tags({"reason": "because", "trained_by": "a test"})
        run.dataset("ratings", "abc", folder.as_uri())
        run.model(folder, example_user=10)
        return run.run_id


@ignore_mlflow
def test_a_run_becomes_a_version_that_answers_as_the_service_does(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    model = small_model()
    run_id = log_one(registry, tmp_path / "model", model)

    (run,) = registry.runs(10)
    assert (run.run_id, run.status) == (run_id, "FINISHED")
    assert run.metrics["precision_at_10"] == 0.25
    assert run.params["epochs"] == "3"
    assert run.tags["reason"] == "because"
    assert registry.find_run(run_id) == run
    assert registry.find_run("0" * 32) is None
    assert registry.find_run("") is None, "of a version that was made without a run"

    assert registry.production() is None
    version = registry.register(run_id)
    promoted = registry.promote(version.number, by="a test", reason="good")
    assert promoted.aliases == ("production",)
    assert promoted.tags["promoted_by"] == "a test"
    production = registry.production()
    assert production is not None
    assert production.run_id == run_id

    # What MLflow's own users get is what the REST service answers, from the same files.
    loaded = mlflow.pyfunc.load_model(f"models:/{registry.model}@production")
    recommender = Recommender(1, load_model(registry.download(version.number, tmp_path / "got")))
    for user_id in (0, 10, 40, 999):
        answer = recommender.recommend(user_id, 7)
        frame = loaded.predict(pd.DataFrame({"user_id": [user_id]}), params={"num_items": 7})
        assert frame["show_id"].tolist() == [item["show_id"] for item in answer["items"]]
        assert set(frame["source"]) == {answer["source"]}
        assert np.allclose(frame["score"], [i["score"] for i in answer["items"]], atol=1e-4)


@ignore_mlflow
def test_promotion_keeps_the_way_back(registry: MlflowRegistry, tmp_path: Path) -> None:
    for number in range(3):
        registry.register(log_one(registry, tmp_path / str(number) / "model", small_model()))
    for number in (1, 2, 3, 1):
        registry.promote(number, by="a test", reason="why not")
    assert registry.promote(1, by="a test", reason="again").tags["reason"] == "why not"
    aliases = {info.number: info.aliases for info in registry.versions()}
    assert aliases == {3: ("previous",), 2: (), 1: ("production",)}
    assert [info.number for info in registry.versions()] == [3, 2, 1]


@ignore_mlflow
def test_a_run_ends_as_its_work_ended(registry: MlflowRegistry) -> None:
    with pytest.raises(ValueError, match="broken"), registry.run("failing"):
        raise ValueError("broken")
    with pytest.raises(Cancelled), registry.run("cancelled"):
        raise Cancelled
    assert [run.status for run in registry.runs(10)] == ["KILLED", "FAILED"]


@ignore_mlflow
def test_runs_that_a_killed_builder_left_open_are_ended(registry: MlflowRegistry) -> None:
    with registry.run("finished") as run:
        run.tags({"trained_by": "builder"})
    client = mlflow.MlflowClient(registry.uri)
    experiment = client.get_experiment_by_name(registry.experiment)
    assert experiment is not None
    client.create_run(experiment.experiment_id, tags={"trained_by": "builder"})
    assert registry.end_abandoned("somebody else") == 0
    assert registry.end_abandoned("builder") == 1
    assert sorted(run.status for run in registry.runs(10)) == ["FINISHED", "KILLED"]


def test_what_is_not_there_is_said(registry: MlflowRegistry) -> None:
    assert registry.runs(5) == []
    assert registry.versions() == []
    assert registry.production() is None
    assert registry.end_abandoned("x") == 0
    with pytest.raises(VersionNotFoundError, match="has no version 7; there is none"):
        registry.promote(7, by="a test", reason="")


@ignore_mlflow
def test_a_run_without_a_model_is_no_version(registry: MlflowRegistry) -> None:
    with registry.run("empty") as run:
        pass
    with pytest.raises(VersionNotFoundError, match="logged no model"):
        registry.register(run.run_id)


def test_the_page_of_the_runs_shows_the_metrics(registry: MlflowRegistry) -> None:
    with registry.run("any"):
        pass
    experiment = mlflow.MlflowClient(registry.uri).get_experiment_by_name(registry.experiment)
    assert experiment is not None
    assert "popularity_precision_at_10" in experiment.tags["mlflow.sharedViewState.tvrec"]
    assert f"/experiments/{experiment.experiment_id}/runs" in registry.page()


@pytest.mark.parametrize("call", ["ping", "production", "versions", "page"])
def test_a_dead_server_is_one_clear_error(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    dead = MlflowRegistry("http://127.0.0.1:9", experiment="x", model="x")
    with pytest.raises(TrackingUnavailableError, match=r"http://127.0.0.1:9 does not answer"):
        getattr(dead, call)()


def test_clients_need_no_key_of_the_artifact_store(registry: MlflowRegistry) -> None:
    """The server hands artifacts through: their address is the server's own."""
    with registry.run("any"):
        pass
    experiment = mlflow.MlflowClient(registry.uri).get_experiment_by_name(registry.experiment)
    assert experiment is not None
    assert experiment.artifact_location.startswith("mlflow-artifacts:/")
