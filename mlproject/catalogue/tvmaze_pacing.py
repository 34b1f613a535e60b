"""How often a server may be called, and how long it wants to be left alone."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

CALLS: Final = 20
CALLS_PERIOD_S: Final = 10.0
"""What TVMaze allows an address: https://www.tvmaze.com/api#rate-limiting."""


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``calls`` calls in any ``seconds``.

    Parameters
    ----------
    sleep
        Waits a number of seconds.
    monotonic
        A clock in seconds that never goes back.
    """

    calls: int = CALLS
    seconds: float = CALLS_PERIOD_S
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _times: deque[float] = field(default_factory=deque, init=False, repr=False)

    def wait(self) -> None:
        """Return when the next call may be made."""
        if len(self._times) == self.calls:
            left = self._times.popleft() + self.seconds - self.monotonic()
            if left > 0:
                self.sleep(left)
        self._times.append(self.monotonic())


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the pause that a server asks for, in seconds; it is given so or as a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        # Against the server's own date, since the clocks may differ.
        pause = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, pause.total_seconds())
