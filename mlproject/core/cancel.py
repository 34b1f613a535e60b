"""Stopping long work from outside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlproject.core.errors import UnavailableError

ShouldStop = Callable[[], bool]


class Cancelled(Exception):  # noqa: N818 - not an error: it was asked for
    """Raised inside work that was asked to stop."""


def never() -> bool:
    """Return False: nothing asks this work to stop."""
    return False


@contextmanager
def cut_short(should_stop: ShouldStop) -> Iterator[None]:
    """Take what no longer answers once work was asked to stop for the stop itself.

    Jobs elsewhere cannot look at ``should_stop``; they are ended, and whoever waits for
    them learns that they failed.

    Raises
    ------
    Cancelled
        If so.
    """
    try:
        yield
    except UnavailableError as error:
        if should_stop():
            raise Cancelled from error
        raise
