"""Logs the files of a model as an MLflow pyfunc; a separate module, since it needs pandas."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array

import mlproject

CODE: Final = (
    "__init__.py",
    "core/__init__.py",
    "core/columns.py",
    "core/errors.py",
    "core/histories.py",
    "core/ids.py",
    "core/model.py",
    "core/ranking.py",
    "core/rating_scale.py",
    "core/sources.py",
    "core/user_ratings.py",
    "models/__init__.py",
    "models/factors.py",
    "models/files.py",
    "models/fold_in.py",
    "models/kinds.py",
    "models/linear.py",
    "models/popularity.py",
)
"""The modules that score, which a version carries: all that its pyfunc imports of ours."""

_SIGNATURE: Final = ModelSignature(
    inputs=Schema(
        [
            ColSpec(Array(DataType.long), "history"),
            ColSpec(Array(DataType.double), "ratings", required=False),
        ]
    ),
    outputs=Schema(
        [
            ColSpec(DataType.long, "row"),
            ColSpec(DataType.long, "rank"),
            ColSpec(DataType.long, "show_id"),
            ColSpec(DataType.string, "title"),
            ColSpec(DataType.double, "score"),
            ColSpec(DataType.string, "source"),
        ]
    ),
    params=ParamSchema([ParamSpec("num_items", DataType.long, 10)]),
)

# MLflow logs the run's metrics of the model's step once more, as the model's: a database that
# has them, PostgreSQL for one, then reports duplicate keys.
_NO_METRIC: Final = -1


def log_model(folder: Path) -> str | None:
    """Log ``folder`` as the active run's model, by models-from-code; return the model's id."""
    show_ids = np.load(folder / "show_ids.npy", allow_pickle=False)[:2].tolist()
    with tempfile.TemporaryDirectory(prefix="tvrec-") as temporary:
        package = Path(temporary) / "mlproject"
        for file in CODE:
            (package / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(mlproject.__file__).parent / file, package / file)
        logged = mlflow.pyfunc.log_model(
            name="model",
            step=_NO_METRIC,
            python_model=str(Path(__file__).with_name("pyfunc_model.py")),
            artifacts={"model": str(folder)},
            code_paths=[str(package)],
            signature=_SIGNATURE,
            input_example=pd.DataFrame({"history": [show_ids], "ratings": [[9.0] * len(show_ids)]}),
            # Named, since inference runs the model in a process of its own at every log.
            pip_requirements=[
                f"mlflow=={mlflow.__version__}",
                *(f"{library}=={version(library)}" for library in ("numpy", "pandas")),
            ],
        )
    model_id: str | None = logged.model_id
    return model_id
