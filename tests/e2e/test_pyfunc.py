"""A version needs none of this project: MLflow, numpy and pandas load it and score."""

import json
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from mlproject.core.model import TrainedModel
from mlproject.models.files import save_model
from mlproject.models.popularity import Popularity
from mlproject.registry.mlflow_registry import MlflowRegistry
from tests.builders import model

pytestmark = [
    pytest.mark.e2e,
    # MLflow's own deprecated calls are not ours to mend.
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
    ),
]

ALONE = """
import builtins, json, sys
import mlflow, pandas as pd
loaded = mlflow.pyfunc.load_model(sys.argv[1])
import mlproject
print(mlproject.__file__)
frame = pd.DataFrame({"history": [[10], []], "ratings": [[9.0], []]})
print(json.dumps(loaded.predict(frame, params={"num_items": 2})["show_id"].tolist()))
"""


def logged(server: str, folder: Path, trained: TrainedModel) -> str:
    """Log a model; return where its MLflow model is."""
    folder.mkdir()
    save_model(trained, folder)
    with MlflowRegistry(server, experiment="pyfunc", model="pyfunc").run("a run") as run:
        run.model(folder)
    client = mlflow.MlflowClient(server)
    (output,) = client.get_run(run.run_id).outputs.model_outputs
    return f"models:/{output.model_id}"


@pytest.mark.parametrize(
    "trained",
    [model(), model(model=Popularity(np.array([1, 2, 3, 4], np.float32)))],
    ids=["factors", "popularity"],
)
def test_it_loads_where_this_project_is_not_installed(
    mlflow_server: str, tmp_path: Path, trained: TrainedModel
) -> None:
    uri = logged(mlflow_server, tmp_path / "model", trained)
    files = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "got")))
    # An isolated interpreter sees neither this checkout nor its editable install.
    site = next(path for path in sys.path if path.endswith("site-packages"))
    code = f"import sys; sys.path = [p for p in sys.path if 'mlproject' not in p]\n{ALONE}"
    hidden = "\n".join(
        [
            "import sys",
            f"sys.path[:] = [p for p in sys.path if p and not p.startswith({str(Path.cwd())!r})]",
            f"sys.path.append({site!r})",
            code,
        ]
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", hidden, str(files)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, shows = done.stdout.splitlines()[-2:]
    assert where.startswith(str(files))
    wanted = [20, 30, 30, 10] if trained.model.kind == "factors" else [40, 30, 30, 10]
    assert json.loads(shows) == wanted


def test_ten_thousand_histories_take_seconds(mlflow_server: str, tmp_path: Path) -> None:
    """A guard against a loop over rows that is slow, not a measurement."""
    loaded = mlflow.pyfunc.load_model(
        logged(mlflow_server, tmp_path / "model", model(shows=range(2000)))
    )
    random = np.random.default_rng(1)
    histories = [random.permutation(2000)[:50].tolist() for _ in range(10_000)]
    started = time.monotonic()
    found = loaded.predict(pd.DataFrame({"history": histories}))
    assert len(found) == 100_000
    assert time.monotonic() - started < 120


@pytest.mark.parametrize(
    ("frame", "params", "sentence"),
    [
        ({"history": [[10]]}, {"num_items": 0}, "num_items must be 1 or more, got 0"),
        ({"history": [[10]]}, {"num_items": -3}, "num_items must be 1 or more, got -3"),
        ({"history": [[10]], "ratings": [[9.0, 8.0]]}, {}, "row 0: ratings must be as many"),
        ({"history": [[10]], "ratings": [[11.0]]}, {}, "whole numbers from 0 to 10"),
        ({"history": [[10, 10]]}, {}, "row 0: a show occurs twice"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(
    mlflow_server: str,
    tmp_path: Path,
    frame: dict[str, object],
    params: dict[str, int],
    sentence: str,
) -> None:
    loaded = mlflow.pyfunc.load_model(logged(mlflow_server, tmp_path / "model", model()))
    with pytest.raises(ValueError, match=sentence):
        loaded.predict(pd.DataFrame(frame), params=params)


def test_an_empty_frame_gives_an_empty_table(mlflow_server: str, tmp_path: Path) -> None:
    loaded = mlflow.pyfunc.load_model(logged(mlflow_server, tmp_path / "model", model()))
    found = loaded.predict(pd.DataFrame({"history": pd.Series([], dtype="object")}))
    assert len(found) == 0
    assert list(found) == ["row", "rank", "show_id", "title", "score", "source"]
