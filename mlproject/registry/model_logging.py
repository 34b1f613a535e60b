"""Logs the files of a model as an MLflow pyfunc; apart, since it needs pandas."""

from importlib.metadata import version
from pathlib import Path
from typing import Final

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

_SIGNATURE: Final = ModelSignature(
    inputs=Schema([ColSpec(DataType.long, "user_id")]),
    outputs=Schema(
        [
            ColSpec(DataType.long, "user_id"),
            ColSpec(DataType.long, "rank"),
            ColSpec(DataType.long, "show_id"),
            ColSpec(DataType.string, "title"),
            ColSpec(DataType.double, "score"),
            ColSpec(DataType.string, "source"),
        ]
    ),
    params=ParamSchema([ParamSpec("num_items", DataType.long, 10)]),
)


def log_model(folder: Path, example_user: int) -> None:
    """Log ``folder`` as the active run's model, by models-from-code."""
    mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={"model": str(folder)},
        signature=_SIGNATURE,
        input_example=pd.DataFrame({"user_id": [example_user]}),
        # Named, since inference runs the model in a process of its own at every log.
        pip_requirements=[
            f"mlflow=={mlflow.__version__}",
            *(f"{package}=={version(package)}" for package in ("numpy", "pandas")),
        ],
    )
