"""Asks the REST service."""

import http.client
import urllib.request


def is_ready(service_url: str) -> bool:
    """Tell whether the service answers ``/readyz``."""
    try:
        with urllib.request.urlopen(f"{service_url}/readyz", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)  # noqa: PLR2004
    except (OSError, http.client.HTTPException):
        return False
