"""Errors as RFC 9457 problems, with the additional field of the first API version.

``error`` says the same as ``detail``: clients of the first version read it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from mlproject.core.errors import RequestError, UnavailableError
from mlproject.serving.answers import encoded

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 5


class NotFoundError(RequestError):
    """The requested thing does not exist."""


class TooLargeError(RequestError):
    """The body is larger than any valid request.

    Parameters
    ----------
    most
        Bytes of the largest.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"the body is larger than {most} bytes")


class NoModelError(UnavailableError):
    """No version is in production yet."""


def problem(status: int, detail: str) -> dict[str, Any]:
    """Return the members of a problem.

    Examples
    --------
    >>> problem(404, "there is no show 7")["title"]
    'Not Found'
    """
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "error": detail,
    }


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem as a response."""
    return Response(encoded(problem(status, detail)), status, headers, MEDIA_TYPE)


def status_of(error: RequestError | UnavailableError) -> int:
    """Return the HTTP status of an error that is reported to the client."""
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, TooLargeError):
        return 413
    return 400 if isinstance(error, RequestError) else 503


def response_to(error: RequestError | UnavailableError) -> Response:
    """Return the answer to a request that failed."""
    status = status_of(error)
    headers = (
        {"Retry-After": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    )
    return refusal(status, str(error), headers)


def nowhere(
    method: str, path: str, status: int = 404, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer to a request for what is no route of ours."""
    return refusal(
        status, f"there is no {method} {path}; GET /docs.json says what there is", headers
    )


def fault() -> Response:
    """Return the answer where we are at fault."""
    return refusal(500, "an error of ours, which is in the log")
