"""Rate limits for each client."""

import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 2.0
MOST_CLIENTS: Final = 10_000


class RateLimit:
    """A token bucket for each client; a request takes one token.

    Parameters
    ----------
    per_second
        Requests a second that a client may send for ever; at once it may send as many as in
        two seconds.
    monotonic
        A clock in seconds.
    most_clients
        Buckets that are kept; beyond, the one that was made first is forgotten.
    """

    def __init__(
        self,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
        most_clients: int = MOST_CLIENTS,
    ) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second * BURST_SECONDS)
        self._monotonic = monotonic
        self._most_clients = most_clients
        self._buckets: dict[str, tuple[float, float]] = {}

    def seconds_to_wait(self, client: str) -> float:
        """Take a token and return 0, or return the seconds until there is one.

        Examples
        --------
        >>> limit = RateLimit(0.5, lambda: 0.0)
        >>> limit.seconds_to_wait("a"), limit.seconds_to_wait("a"), limit.seconds_to_wait("b")
        (0.0, 2.0, 0.0)
        """
        now = self._monotonic()
        tokens, at = self._buckets.pop(client, (self._size, now))
        tokens = min(self._size, tokens + (now - at) * self._per_second)
        waits = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
        if len(self._buckets) >= self._most_clients:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = (tokens if waits else tokens - 1, now)
        return waits
