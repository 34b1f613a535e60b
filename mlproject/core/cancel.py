"""Stopping long work from outside."""

from collections.abc import Callable

ShouldStop = Callable[[], bool]


class Cancelled(Exception):  # noqa: N818 - not an error: it was asked for
    """Raised inside work that was asked to stop."""


def never() -> bool:
    """Return False: nothing asks this work to stop."""
    return False
