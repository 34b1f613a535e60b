"""Exposures, made of what a test is about."""

from typing import Any

from mlproject.core.exposures import Exposure


def exposure(user: int = 7, at: int = 1000, **changes: Any) -> Exposure:
    """Return an answer of version 3 with two shows."""
    given: dict[str, Any] = {"version": 3, "shows": [12, 5], **changes}
    return Exposure(user, at, **given)


def mixed(user: int, at: int, shows: str, first: int = 1) -> Exposure:
    """Return an answer of the versions 3 and 4, whose shows from ``first`` on are these teams'."""
    ids = list(range(first, first + len(shows)))
    return exposure(user, at, shows=ids, challenger=4, teams=shows)
