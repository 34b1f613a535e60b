"""Minimal queries to MLflow by HTTP alone, since MLflow's client takes 100 MB."""

import json
from typing import Final
from urllib.parse import quote

from mlproject.core.errors import UnavailableError
from mlproject.http_client import request
from mlproject.registry.runs_page import runs_page

_SECONDS: Final = 2.0
_OK: Final = 200


def answers(uri: str) -> bool:
    """Return whether an MLflow server answers at an address."""
    return _get(f"{uri}/health") is not None


def page_of(uri: str, experiment: str) -> str | None:
    """Return the address of an experiment's runs, None if there is none that can be found."""
    name = quote(experiment, safe="")
    body = _get(f"{uri}/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")
    try:
        return runs_page(uri, json.loads(body or b"")["experiment"]["experiment_id"])
    except (ValueError, TypeError, KeyError):
        return None


def _get(url: str) -> bytes | None:
    try:
        with request("GET", url, timeout_s=_SECONDS) as answer:
            return answer.data if answer.status == _OK else None
    except UnavailableError:
        return None
