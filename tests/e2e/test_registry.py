"""What a real MLflow server shows of our runs and versions, beyond the contract."""

import uuid
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

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
        run.model(folder, example_user=10)
        return run.run_id


@ignore_mlflow
def test_a_run_becomes_a_version_that_answers_as_the_service_does(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    model = small_model()
    run_id = log_one(registry, tmp_path / "model", model)

    version = registry.register(run_id)
    registry.promote(version.number, by="a test", reason="good")

    # What MLflow's own users get is what the REST service answers, from the same files.
    loaded = mlflow.pyfunc.load_model(f"models:/{registry.model}@production")
    recommender = Recommender(1, load_model(registry.download(version.number, tmp_path / "got")))
    for user_id in (0, 10, 40, 999):
        answer = recommender.recommend(user_id, 7)
        frame = loaded.predict(pd.DataFrame({"user_id": [user_id]}), params={"num_items": 7})
        assert frame["show_id"].tolist() == [item["show_id"] for item in answer["items"]]
        assert set(frame["source"]) == {answer["source"]}
        assert np.allclose(frame["score"], [i["score"] for i in answer["items"]], atol=1e-4)


def test_the_page_of_the_runs_shows_the_metrics(registry: MlflowRegistry) -> None:
    with registry.run("any"):
        pass
    experiment = mlflow.MlflowClient(registry.uri).get_experiment_by_name(registry.experiment)
    assert experiment is not None
    assert "popularity_precision_at_10" in experiment.tags["mlflow.sharedViewState.tvrec"]
    assert f"/experiments/{experiment.experiment_id}/runs" in registry.page()


def test_clients_need_no_key_of_the_artifact_store(registry: MlflowRegistry) -> None:
    """The server hands artifacts through: their address is the server's own."""
    with registry.run("any"):
        pass
    experiment = mlflow.MlflowClient(registry.uri).get_experiment_by_name(registry.experiment)
    assert experiment is not None
    assert experiment.artifact_location.startswith("mlflow-artifacts:/")
