"""A glance at MLflow by HTTP alone."""

import mlflow

from mlproject.registry import glance
from tests.builders import http_server


def test_a_real_server_answers_and_has_a_page(mlflow_server: str) -> None:
    client = mlflow.MlflowClient(mlflow_server)
    made = client.create_experiment("a name / with signs & spaces")
    assert glance.answers(mlflow_server)
    page = glance.page_of(mlflow_server, "a name / with signs & spaces")
    assert page
    assert page.startswith(f"{mlflow_server}/#/experiments/{made}/runs")
    assert glance.page_of(mlflow_server, "no such experiment") is None


def test_where_nothing_answers_there_is_nothing() -> None:
    assert not glance.answers("http://127.0.0.1:9")
    assert glance.page_of("http://127.0.0.1:9", "any") is None


def test_a_server_that_is_no_mlflow_has_no_page() -> None:
    with http_server(200, b"[]") as address:
        assert glance.page_of(address, "any") is None
