"""Waiting until a server answers."""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import UnavailableError

log = logging.getLogger(__name__)

LONGEST_DELAY_SECONDS: Final = 30.0

Result = TypeVar("Result")


def until_available(
    call: Callable[[], Result], stop: threading.Event, *, first_delay_seconds: float = 0.5
) -> Result:
    """Call until the server on the other side answers, less and less often.

    Parameters
    ----------
    call
        Raises UnavailableError while the server does not answer; anything else passes.
    stop
        Ends the waiting.
    first_delay_seconds
        Doubled after each try, up to :data:`LONGEST_DELAY_SECONDS`.

    Raises
    ------
    Cancelled
        If ``stop`` was set.
    """
    delay = first_delay_seconds
    while True:
        try:
            return call()
        except UnavailableError as error:
            log.warning("%s; trying again in %g s", error, delay)
        if stop.wait(delay):
            raise Cancelled
        delay = min(2 * delay, LONGEST_DELAY_SECONDS)
