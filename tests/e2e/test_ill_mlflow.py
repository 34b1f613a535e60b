"""What is told of a real MLflow server that has lost something."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from mlproject.core.errors import ArtifactError, TrackingUnavailableError
from mlproject.models.files import load_model, save_model
from mlproject.registry.mlflow_registry import MlflowRegistry
from tests import servers
from tests.builders import model

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    # MLflow's own deprecated calls are not ours to mend.
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
    ),
]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[MlflowRegistry]:
    """A server whose files can be got at, and a version."""
    (tmp_path / "model").mkdir()
    save_model(model(), tmp_path / "model")
    with servers.mlflow_server(tmp_path) as uri:
        made = MlflowRegistry(uri, experiment="ill", model="ill")
        with made.run("a run") as run:
            run.model(tmp_path / "model")
        made.register(run.run_id)
        yield made


def test_files_that_are_missing_or_altered_are_told_from_a_server_that_is_away(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    (file,) = (tmp_path / "artifacts").rglob("popularity.npy")
    whole = file.read_bytes()
    for number, content in enumerate((whole[:-3], b"something else")):
        file.write_bytes(content)
        with pytest.raises(ArtifactError, match="popularity"):
            load_model(registry.download(1, tmp_path / f"altered-{number}"))
    file.unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model(registry.download(1, tmp_path / "without one"))
    shutil.rmtree(tmp_path / "artifacts")
    with pytest.raises(ArtifactError, match="has no model files of version 1"):
        registry.download(1, tmp_path / "without all")


def test_an_experiment_that_was_deleted_is_named_with_what_restores_it(
    registry: MlflowRegistry,
) -> None:
    client = mlflow.MlflowClient(registry.uri)
    experiment = client.get_experiment_by_name("ill")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)

    def begin() -> None:
        with registry.run("a run"):
            pass

    for call in (registry.page, lambda: registry.runs(1), begin):
        with pytest.raises(TrackingUnavailableError, match=r"'ill' .* was deleted"):
            call()
        with pytest.raises(TrackingUnavailableError, match=f"-x {experiment.experiment_id}`"):
            call()
