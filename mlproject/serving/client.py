"""Asks the REST service."""

import http.client
import json
import urllib.request
from typing import Any, Final
from urllib.error import HTTPError

from mlproject.core.errors import RequestError, UnavailableError

_TIMEOUT_SECONDS: Final = 15
_BAD_REQUEST: Final = 400


def is_ready(service_url: str) -> bool:
    """Tell whether the service answers ``/readyz``."""
    try:
        with urllib.request.urlopen(f"{service_url}/readyz", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)  # noqa: PLR2004
    except (OSError, http.client.HTTPException):
        return False


def rate(service_url: str, *, user_id: int, show_id: int, rating: int) -> dict[str, Any]:
    """Send a rating to ``POST /rate`` and return the answer.

    Raises
    ------
    UnavailableError
        If the service does not answer or has not acknowledged the rating.
    RequestError
        If the service refuses it.
    """
    body = json.dumps({"user_id": user_id, "show_id": show_id, "rating": rating}).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is a setting
        f"{service_url}/rate", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
            return told
    except HTTPError as error:
        with error:
            sentence = _sentence(error)
        if error.code == _BAD_REQUEST:
            raise RequestError(sentence) from error
        raise UnavailableError(sentence) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnavailableError(
            f"the service at {service_url} gives no answer ({error}); `make run` starts it"
        ) from error


def _sentence(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (OSError, ValueError, LookupError, TypeError):
        return f"{error.url} answers {error.code}"
