"""What a real MLflow server shows of our runs and versions, beyond the contract."""

import subprocess
import sys
import uuid
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.models.factors import Factors
from mlproject.models.files import load_model, save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.model_card import model_card
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.serving.recommender import Recommender
from tests.builders import rated
from tests.quick_runs import log_quickly
from tests.servers import environment

pytestmark = pytest.mark.e2e

# MLflow's own deprecated calls are not ours to mend.
ignore_mlflow = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
)


@pytest.fixture
def registry(mlflow_server: str) -> MlflowRegistry:
    name = f"test-{uuid.uuid4().hex[:8]}"
    return MlflowRegistry(mlflow_server, experiment=name, model=name)


def small_model(shows: int = 30) -> TrainedModel:
    """Random vectors, and a map that adds up those of a history."""
    rng = np.random.default_rng(1)
    return TrainedModel(
        shows=IdMap(np.arange(shows) + 100),
        model=Factors(
            rng.normal(size=(shows, 4)).astype(np.float16),
            rng.normal(size=shows).astype(np.float32),
            np.tile(np.eye(10, 4, dtype=np.float32), (2, 1)),
        ),
        popularity=np.arange(shows, dtype=np.float32)[::-1].copy(),
        history_weights=history_weights(),
        cards=tuple(
            {"show_id": 100 + show, "title": f"Show {show}", "genres": []} for show in range(shows)
        ),
    )


def log_one(registry: MlflowRegistry, folder: Path, model: TrainedModel) -> str:
    folder.mkdir(parents=True)
    save_model(model, folder)
    with registry.run("a run") as run:
        run.model(folder)
        return run.run_id


WITHOUT_PANDAS = """
import sys
sys.modules["pandas"] = sys.modules["scipy"] = sys.modules["mlflow"] = None
from mlproject.__main__ import main
main()
"""


@pytest.mark.parametrize("command", ["promote --version 1", "rollback", "release", "versions"])
def test_a_decision_loads_nothing_slow(
    registry: MlflowRegistry, tmp_path: Path, command: str
) -> None:
    save_model(small_model(), tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for number in (1, 2):
        registry.register(log_quickly(registry, files))
        put_into_production(registry, number, by="builder", reason="better")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS, *command.split()],
        env=environment(
            TVREC_STATE_DIR=str(tmp_path / "state"),
            MLFLOW_TRACKING_URI=registry.uri,
            MLFLOW_EXPERIMENT_NAME=registry.experiment,
            TVREC_REGISTERED_MODEL=registry.model,
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@ignore_mlflow
def test_a_run_becomes_a_version_that_answers_as_the_service_does(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    model = small_model()
    run_id = log_one(registry, tmp_path / "model", model)

    version = registry.register(run_id)
    put_into_production(registry, version.number, by="a test", reason="good")

    # What MLflow's own users get is what the REST service answers, from the same files.
    loaded = mlflow.pyfunc.load_model(f"models:/{registry.model}@production")
    recommender = Recommender(1, load_model(registry.download(version.number, tmp_path / "got")))
    histories = [{}, {105: 9}, {105: 9, 129: 1, 999: 10}, dict.fromkeys(range(110, 120), 8)]
    frame = pd.DataFrame(
        {
            "history": [list(history) for history in histories],
            "ratings": [list(map(float, history.values())) for history in histories],
        }
    )
    found = loaded.predict(frame, params={"num_items": 7})
    for row, history in enumerate(histories):
        answer = recommender.recommend(0, rated(*history.items()), 7)
        part = found[found["row"] == row]
        assert part["show_id"].tolist() == [item["show_id"] for item in answer["items"]]
        assert part["title"].tolist() == [item["title"] for item in answer["items"]]
        assert part["rank"].tolist() == list(range(1, 8))
        assert set(part["source"]) == {answer["source"]}
        assert np.allclose(part["score"], [i["score"] for i in answer["items"]], atol=1e-4)
    without_ratings = loaded.predict(frame.iloc[[1]].drop(columns="ratings"))
    liked_best = recommender.recommend(0, rated((105, 10)), 10)
    assert without_ratings["show_id"].tolist() == [i["show_id"] for i in liked_best["items"]]


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


@ignore_mlflow
def test_the_card_of_a_model_is_a_file_and_describes_the_version(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    save_model(small_model(), tmp_path)
    with registry.run("a run") as run:
        run.model(tmp_path)
        metrics = {"cold_show_users": 3.0, "cold_show_recall_at_10": 0.25}
        card = model_card(
            "**kept** …", run_id=run.run_id, kind="factors", split="s", metrics=metrics, k=10
        )
        run.note(card)
        run.text("model_card.md", card)
    version = registry.register(run.run_id)
    client = mlflow.MlflowClient(registry.uri)
    found = client.get_model_version(registry.model, str(version.number))
    assert found.description == card
    mlflow.set_tracking_uri(registry.uri)
    assert mlflow.artifacts.load_text(f"runs:/{run.run_id}/model_card.md") == card
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
    people = pd.DataFrame({"history": [[105, 129]], "ratings": [[9.0, 8.0]]})
    assert len(loaded.predict(people, params={"num_items": 3})) == 3
