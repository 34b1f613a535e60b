"""Runs, versions and decisions of one MLflow server, combined for a training."""

from dataclasses import dataclass

from mlproject.registry.mlflow_decisions import MlflowDecisions
from mlproject.registry.mlflow_disposal import MlflowDisposal
from mlproject.registry.mlflow_runs import MlflowRuns
from mlproject.registry.mlflow_versions import MlflowVersions


@dataclass(frozen=True, kw_only=True)
class MlflowRegistry(MlflowRuns, MlflowVersions, MlflowDecisions, MlflowDisposal):
    """An experiment, its decisions and a registered model; its parameters are those of all."""
