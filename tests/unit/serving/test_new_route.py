"""All that a developer writes for an endpoint; the entrance lets it in, counts it and refuses."""

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.testclient import TestClient

from mlproject.serving.application import serving
from mlproject.serving.entrance import Entrance
from mlproject.serving.metrics import ServiceMetrics
from mlproject.serving.state import serving_of


async def version(request: Request) -> dict[str, int]:
    """Tell which version answers."""
    return {"version": serving_of(request).recommender.version}


def test_a_new_route_is_answered_counted_and_described(app: FastAPI) -> None:
    app.add_api_route("/version", version)
    counted = CollectorRegistry()
    with TestClient(Entrance(app, app)) as client:
        serving(app).metrics = ServiceMetrics(counted)
        assert client.get("/version").json() == {"version": 3}
        refused = client.post("/version")
        assert "/version" in client.get("/docs.json").json()["paths"]
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert refused.headers["content-type"] == "application/problem+json"
    labels = {"route": "/version", "source": "", "outcome": "answered"}
    assert counted.get_sample_value("tvrec_request_seconds_count", labels) == 1
