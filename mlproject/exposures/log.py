"""Writes exposures into the store, in a thread of its own."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from mlproject.batches.forgotten import read_forgotten
from mlproject.core.errors import TvrecError
from mlproject.core.exposures import Exposure
from mlproject.core.ports import ObjectStore
from mlproject.exposures.records import Lines, new_key, packed
from mlproject.exposures.stored import clean, remove_before

log = logging.getLogger(__name__)

_FLUSH_SECONDS: Final = 5.0
_MOST_WAITING: Final = 50_000
_CLOSE_SECONDS: Final = 5.0

_Waiting = tuple[int, int, bytes]
"""Whom, when, and the line."""


class StoredExposureLog:
    """Exposures as objects of the store, one every few seconds.

    Parameters
    ----------
    store
        Where they go.
    kept_days
        Days after which they are deleted.
    flush_seconds
        Between two objects.
    most_waiting
        Exposures in memory, at most; with more, the oldest are lost.
    now
        The time in seconds since 1970.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        kept_days: int,
        flush_seconds: float = _FLUSH_SECONDS,
        most_waiting: int = _MOST_WAITING,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._kept_days = kept_days
        self._flush_seconds = flush_seconds
        self._now = now
        # As lines, since what is kept as objects is walked by the garbage collector.
        self._waiting: deque[_Waiting] = deque(maxlen=most_waiting)
        self._lines = Lines()
        # Each by one thread alone.
        self._overflowed = 0
        self._failed = 0
        self._tidied: date | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exposures", daemon=True)

    @property
    def lost(self) -> int:
        """How many were not written: too many waited, or the store did not take them."""
        return self._overflowed + self._failed

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def append(self, exposure: Exposure) -> None:
        """Take an exposure over."""
        self._overflowed += len(self._waiting) == self._waiting.maxlen
        line = self._lines.line(exposure)
        self._waiting.append((exposure.user_id, exposure.shown_at, line))

    def close(self) -> None:
        """Write what was taken over, within seconds."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_SECONDS)

    def flush(self) -> int:
        """Write what waits as one object, and delete what is old once a day.

        Returns how many were written.

        Raises
        ------
        TvrecError
            If the store does not answer, or the list of the forgotten is damaged; what waited
            is lost.
        """
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if batch:
            self._failed += len(batch)
            self._write(batch)
            self._failed -= len(batch)
            self._tidy()
        return len(batch)

    def _write(self, batch: list[_Waiting]) -> None:
        forgotten = read_forgotten(self._store)
        kept = [line for user_id, at, line in batch if not forgotten.covers(user_id, at)]
        key = new_key(int(self._now() * 1000))
        self._store.put(key, packed(kept))
        # Somebody may have been forgotten in between, by a search that did not see the object.
        if (later := read_forgotten(self._store)) != forgotten:
            clean(self._store, key, later)

    def _tidy(self) -> None:
        today = datetime.fromtimestamp(self._now(), UTC).date()
        if today != self._tidied:
            self._tidied = today
            remove_before(self._store, today - timedelta(days=self._kept_days))

    def _run(self) -> None:
        trouble = ""
        is_open = True
        while is_open:
            is_open = not self._stop.wait(self._flush_seconds)
            try:
                if self.flush():
                    trouble = ""
            except TvrecError as error:
                if str(error) != trouble:
                    trouble = str(error)
                    log.warning("exposures are lost: %s", error)
            except Exception:  # answers must not depend on it
                log.exception("exposures are lost")
