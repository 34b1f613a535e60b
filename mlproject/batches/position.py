"""How far a stream has come, for sinks that cannot tell after a restart."""

import json
import logging
import time
from collections.abc import Callable
from typing import Final

from mlproject.batches import keys
from mlproject.core.errors import BatchError, StoreUnavailableError
from mlproject.core.ports import ObjectStore, RatingSink
from mlproject.core.ratings import RatingFrame

log = logging.getLogger(__name__)

_SAVE_SECONDS: Final = 5.0


def read_position(store: ObjectStore) -> int:
    """Return the saved position, 0 if there is none.

    Raises
    ------
    BatchError
        If what is saved is not a position.
    """
    content = store.get(keys.GENERATOR_POSITION)
    if content is None:
        return 0
    try:
        return int(json.loads(content)["position"])
    except (ValueError, TypeError, KeyError) as error:
        raise BatchError(
            f"{keys.GENERATOR_POSITION} in {store.uri} does not hold a position: {content[:80]!r}"
        ) from error


class PositionedSink:
    """A sink whose position is saved in the store now and then.

    After a crash, what was sent since the last save is sent again: with the same event
    ids, so the reader drops the repeats.

    Parameters
    ----------
    sink
        Sends the events.
    store
        Keeps the position.
    monotonic
        A clock in seconds.
    """

    def __init__(
        self,
        sink: RatingSink,
        store: ObjectStore,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._store = store
        self._monotonic = monotonic
        self._saved = sink.position
        self._saved_at = monotonic()

    @property
    def position(self) -> int:
        """How many events are durable."""
        return self._sink.position

    def append(self, ratings: RatingFrame) -> None:
        """Take events over; a store that does not answer is no reason to stop."""
        self._sink.append(ratings)
        if self._monotonic() - self._saved_at < _SAVE_SECONDS:
            return
        try:
            self._save()
        except StoreUnavailableError as error:
            log.warning("the position is not saved (%s); trying again with the next events", error)

    def flush(self) -> None:
        """Make every event taken over durable before returning."""
        try:
            self._sink.flush()
        finally:
            self._save()

    def _save(self) -> None:
        self._saved_at = self._monotonic()
        if self._sink.position != self._saved:
            position = self._sink.position
            content = json.dumps({"position": position})
            self._store.put(keys.GENERATOR_POSITION, content.encode())
            self._saved = position
