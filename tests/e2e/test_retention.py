"""What retention frees on a real MLflow server: files in a folder and on S3, and rows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from mlproject.models.files import load_model, save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.retain import Keep, find_waste, throw_away
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.registry.mlflow_rows import free_rows
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

NOTHING = Keep(timedelta(0), timedelta(0), timedelta(0), history=1)
# MLflow keeps a row of each deleted version, emptied, so that its number is not given again.
ROWS = (
    "runs",
    "metrics",
    "latest_metrics",
    "params",
    "tags",
    "inputs",
    "datasets",
    "logged_models",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "model_version_tags",
)


@dataclass(frozen=True)
class Server:
    registry: MlflowRegistry
    folder: Path
    objects: Callable[[], set[str]]

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder}/mlflow.db"

    def rows(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as database:
            return {
                table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ROWS
            }

    def counted(self) -> set[str]:
        """The tables of which SQLite knows how many rows they have."""
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as database:
            return {table for (table,) in database.execute("SELECT tbl FROM sqlite_stat1")}


@pytest.fixture(params=["folder", "s3"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    name = f"retention-{uuid4().hex[:8]}"
    if request.param == "folder":
        artifacts = tmp_path / "artifacts"

        def in_folder() -> set[str]:
            return {str(path) for path in artifacts.rglob("*") if path.is_file()}

        with servers.mlflow_server(tmp_path) as uri:
            yield Server(MlflowRegistry(uri, experiment=name, model=name), tmp_path, in_folder)
        return
    s3: servers.S3Server = request.getfixturevalue("rclone_server")
    bucket = f"b{uuid4().hex}"
    store = s3.bucket(bucket)
    settings = {
        "MLFLOW_S3_ENDPOINT_URL": s3.address,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
    }
    with (
        closing(store.client),
        servers.mlflow_server(tmp_path, artifacts=f"s3://{bucket}", **settings) as uri,
    ):
        yield Server(
            MlflowRegistry(uri, experiment=name, model=name),
            tmp_path,
            lambda: {info.key for info in store.list("")},
        )


def logged(registry: MlflowRegistry, folder: Path) -> str:
    """Log a run as a training does: numbers, data, a picture, a model."""
    (folder / "plots").mkdir(parents=True)
    (folder / "plots" / "a.txt").write_text("a picture")
    (folder / "model").mkdir()
    save_model(model(), folder / "model")
    with registry.run("a run") as run:
        run.params({"epochs": 3})
        run.tags({"verdict": "keep"})
        run.dataset("ratings", run.run_id[:8], folder.as_uri())
        run.model(folder / "model")
        run.metrics({"precision_at_10": 0.2})
        run.artifacts(folder / "plots")
    return run.run_id


def test_files_and_rows_of_what_is_not_kept_are_freed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
    registry = server.registry
    first = logged(registry, tmp_path / "first")
    number = registry.register(first).number
    put_into_production(registry, number, by="builder", reason="first")
    objects, rows = server.objects(), server.rows()

    for name in ("second", "third", "fourth"):
        registry.register(logged(registry, tmp_path / name))
    logged(registry, tmp_path / "fifth")
    assert len(server.objects()) == 5 * len(objects)
    assert server.rows()["metrics"] == 5 * rows["metrics"]

    now = datetime.now(UTC) + timedelta(seconds=1)
    waste = find_waste(registry, NOTHING, now)
    assert (len(waste.versions), len(waste.models), len(waste.runs)) == (3, 4, 4)
    throw_away(registry, waste)
    assert server.objects() == objects, "files go at once, and those of production stay"
    free_rows(server.database, registry.uri, "0s")
    assert server.rows() == rows
    assert not find_waste(registry, NOTHING, now)
    load_model(registry.download(number, tmp_path / "got"))


def test_rows_stay_while_what_was_deleted_can_be_restored(server: Server, tmp_path: Path) -> None:
    logged(server.registry, tmp_path / "first")
    rows = server.rows()
    server.registry.drop_run(server.registry.runs(1)[0])
    free_rows(server.database, server.registry.uri, "7d")
    assert {"inputs", "datasets"} <= server.counted(), "for the page of the runs"
    assert server.rows()["runs"] == rows["runs"]
