"""The OpenAPI document: FastAPI's, and the answers given outside the application."""

from typing import Any, Final

from fastapi import FastAPI

from mlproject.serving.contract import problems

_PROBLEM: Final = problems()[400] | {"description": "A problem"}
_TEXT: Final = {"content": {"text/plain": {"schema": {"type": "string"}}}}


def _probe(summary: str, **statuses: str) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "tags": ["infrastructure"],
            "security": [],
            "responses": {
                "200": {"description": "Yes", **_TEXT},
                **{name[1:]: {"description": said, **_TEXT} for name, said in statuses.items()},
                "default": _PROBLEM,
            },
        }
    }


_INFRASTRUCTURE: Final = {
    "/livez": _probe("Whether the process is alive"),
    "/readyz": _probe("Whether it has a model and histories", s503="Not yet, or no more"),
    "/metrics": _probe("Metrics for Prometheus"),
}


def describe(app: FastAPI) -> None:
    """Add the probes and the token to an application's OpenAPI document."""
    made = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            for methods in document["paths"].values():
                for operation in methods.values():
                    # FastAPI takes all answers for application/json.
                    operation["responses"]["default"] = _PROBLEM
            document["paths"] |= _INFRASTRUCTURE
            document["components"]["securitySchemes"] = {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Only if the service was given TVREC_TOKEN_SHA256",
                }
            }
            document["security"] = [{}, {"token": []}]
        return made()

    app.openapi = complete  # type: ignore[method-assign]
