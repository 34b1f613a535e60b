"""Rating source to sink: the backlog at once, then live at a steady rate."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import StoreUnavailableError
from mlproject.core.memory import give_back
from mlproject.core.ports import RatingSink, RatingSource
from mlproject.core.ratings import RatingFrame
from mlproject.core.retry import until_available

log = logging.getLogger(__name__)

_CHUNK: Final = 10_000
_TICK: Final = 1.0


def generate_ratings(  # noqa: PLR0913 - one more than the rest, all by name
    source: RatingSource,
    sink: RatingSink,
    *,
    rate: float,
    stop: threading.Event,
    live: bool = True,
    on_progress: Callable[[int], None] = lambda _: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Send events from where the sink left off, until the source ends or ``stop`` is set.

    Parameters
    ----------
    source, sink
        From where to where; the sink's position is the place in the source.
    rate
        Live events a second; 0 = as fast as possible.
    stop
        Set from outside to end; everything taken over is then made durable.
    live
        Whether to go on after the backlog, and to wait for a store that does not answer.
    on_progress
        Called with the number of events sent so far.
    monotonic
        A clock in seconds.

    Returns
    -------
    int
        How many events were sent.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer, and this is not live or is told to end.
    """
    patient = _PatientSink(sink, stop) if live else sink
    first = position = sink.position
    try:
        while position < source.backlog and not stop.is_set():
            events = source.read(position, min(_CHUNK, source.backlog - position))
            patient.append(events)
            position += len(events)
            on_progress(position - first)
        patient.flush()
        # From here on it is a few events a second.
        give_back()
        if position > first:
            log.info("sent the backlog: %d ratings", position - first)

        since, already = monotonic(), position
        while live and not stop.is_set():
            due = already + int((monotonic() - since) * rate) if rate else position + _CHUNK
            behind = due - position > _CHUNK
            if due > position:
                events = source.read(position, min(due - position, _CHUNK))
                if not len(events):
                    log.info("the source has ended after %d ratings", position)
                    break
            else:
                events = RatingFrame.empty()
            # With none too, so that old ones are written.
            patient.append(events)
            position += len(events)
            on_progress(position - first)
            if rate and not behind:
                stop.wait(_TICK)
    except Cancelled:
        log.info("stopping while the store does not answer")
    finally:
        sink.flush()
    return position - first


class _PatientSink:
    """Waits while the store does not answer; the sink keeps what it has taken over."""

    def __init__(self, sink: RatingSink, stop: threading.Event) -> None:
        self._sink = sink
        self._stop = stop

    def append(self, ratings: RatingFrame) -> None:
        try:
            self._sink.append(ratings)
        except StoreUnavailableError as error:
            log.warning("%s; the events wait", error)
            self.flush()

    def flush(self) -> None:
        until_available(self._sink.flush, self._stop)
