"""The document is true: whatever it allows or forbids is answered as it says."""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi import checks as of_openapi
from starlette.testclient import TestClient

from mlproject.serving.application import serving
from mlproject.serving.entrance import Entrance
from mlproject.serving.recommender import Recommender
from mlproject.serving.rules import INFRASTRUCTURE
from tests.builders import model

EXAMPLES = 40
CHECKS = [
    schemathesis.checks.not_a_server_error,
    of_openapi.status_code_conformance,
    of_openapi.content_type_conformance,
    of_openapi.response_schema_conformance,
]
"""Whether it accepts all that the schema allows is none of them: no schema knows the genres."""


def ask_all(schema: Any, examples: int) -> int:
    """Send so many requests to each route, good and bad ones; return how many these were."""
    sent = 0
    for found in schema.get_all_operations():

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=found.ok().as_strategy())
        def ask(case: Any) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(checks=CHECKS)

        ask()
    return sent


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_every_request_is_answered_as_the_document_says(client: TestClient, app: FastAPI) -> None:
    now = serving(app)
    now.watcher.current = Recommender(3, model(), {"loaded_at": "2025-01-01T00:00:00+00:00"})
    assert client.get("/model").status_code == 200
    now.histories.ratings[2] = {40: 9, 10: 0}
    schema = schemathesis.openapi.from_asgi("/docs.json", Entrance(app, app))
    paths = r"^(" + "|".join(sorted(INFRASTRUCTURE)) + r"|/)$"
    assert ask_all(schema.exclude(path_regex=paths), EXAMPLES) > 100
