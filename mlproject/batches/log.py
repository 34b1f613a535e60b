"""Single ratings of many users into batch objects, acknowledged when they are written.

The ratings that come while a batch is open go into it together (group commit). Any number
of processes may write to the one partition: a batch is created at the offset after the
newest, and never over another; who comes second looks for the end again. So offsets have
one order, and a process that was killed leaves nothing to clear up.
"""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from mlproject.batches.jsonl import encode_json_lines, last_offset
from mlproject.batches.keys import SERVICE_PARTITION, BatchKey, partition_prefix
from mlproject.core.errors import BatchError, StoreUnavailableError, UnavailableError
from mlproject.core.events import Place, RatingEvent
from mlproject.core.ports import ObjectStore
from mlproject.core.topics import TOPIC

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 1000
"""Events in an object, at most; a later version must not write fewer."""
LINGER_SECONDS: Final = 0.03
_WAITING_ROWS: Final = 10_000
_ATTEMPTS: Final = 20
_CLOSE_SECONDS: Final = 5.0
_FORMAT: Final = "jsonl"
# Beside the partitions, so that no reader takes it for a batch.
PROBE: Final = "state/probe-"

_Waiting = tuple[RatingEvent, "Future[Place]"]


class BatchRatingLog:
    """Writes events into batches of JSON lines, which need neither pandas nor pyarrow.

    Parameters
    ----------
    store
        Where the batches go.
    linger_seconds
        How long a batch stays open for others after its first event.
    waiting_rows
        Events that may wait to be written; more are refused.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        linger_seconds: float = LINGER_SECONDS,
        waiting_rows: int = _WAITING_ROWS,
    ) -> None:
        self._store = store
        self._linger_seconds = linger_seconds
        self._waiting_rows = waiting_rows
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._is_safe = False
        self._refusal: str | None = None
        self._end: int | None = None
        self._newest = ""
        self._thread = threading.Thread(target=self._run, name="batch-rating-log", daemon=True)
        self._starting = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """Why no rating can be taken now; None if ratings are taken."""
        if self._closed:
            return "the service is stopping"
        if self._waiting.qsize() >= self._waiting_rows:
            return f"{self._waiting_rows} wait to be written already"
        return self._refusal

    def start(self) -> None:
        """Start to write, and look whether the store can be written to safely."""
        with self._starting:
            if self._thread.ident is None and not self._closed:
                self._thread.start()

    def append(self, event: RatingEvent) -> "Future[Place]":
        """Take an event over; raise UnavailableError if too many wait."""
        # A store that was refused may have been replaced: the next write finds out.
        if (why := self.trouble) and why != self._refusal:
            raise UnavailableError(f"the rating was not taken: {why}")
        self.start()
        future: Future[Place] = Future()
        self._waiting.put((event, future))
        return future

    def close(self) -> None:
        """Write what was taken over, within seconds."""
        with self._starting:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        # If the store does not answer yet, the first write finds out.
        with suppress(Exception):
            self._require_conditions()
        is_open = True
        while is_open:
            first = self._waiting.get()
            batch, is_open = ([first], True) if first else ([], False)
            until = time.monotonic() + self._linger_seconds
            while is_open and len(batch) < BATCH_ROWS:
                try:
                    each = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
                except Empty:
                    break
                if each is None:
                    is_open = False
                else:
                    batch.append(each)
            # Those who waited too long have been told so, and take their event back.
            self._write([each for each in batch if each[1].set_running_or_notify_cancel()])

    def _write(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        try:
            first = self._created([event for event, _ in batch])
        except Exception as error:  # one batch that fails must not end the thread
            if not isinstance(error, UnavailableError):
                log.exception("a batch of ratings could not be written")
            # It may have been written all the same.
            self._end = None
            for _, future in batch:
                future.set_exception(
                    UnavailableError(
                        f"the rating is not acknowledged: {error}; "
                        "it may still arrive, so send it again"
                    )
                )
            return
        for place, (_, future) in enumerate(batch, first):
            future.set_result(Place(TOPIC, SERVICE_PARTITION, place))

    def _created(self, events: Sequence[RatingEvent]) -> int:
        """Write one batch; return the offset of its first event."""
        self._require_conditions()
        for _ in range(_ATTEMPTS):
            first = self._end if self._end is not None else self._found_end()
            key = str(BatchKey(SERVICE_PARTITION, first, _FORMAT))
            content = encode_json_lines((event.record() for event in events), first)
            if self._store.put_if(key, content, None):
                self._end, self._newest = first + len(events), key
                return first
            self._end = None
        raise StoreUnavailableError(f"too many others write to {self._store.uri}")

    def _require_conditions(self) -> None:
        if self._is_safe:
            return
        self._is_safe = self._store.keeps_conditions(PROBE)
        self._refusal = None
        if not self._is_safe:
            self._refusal = (
                f"{self._store.uri} ignores conditional writes, so ratings could overwrite "
                "each other; set KAFKA_BOOTSTRAP_SERVERS"
            )
            raise StoreUnavailableError(self._refusal)

    def _found_end(self) -> int:
        """Return the offset after the newest batch."""
        for info in self._store.list(partition_prefix(SERVICE_PARTITION), self._newest[:-1]):
            if BatchKey.parse(info.key):
                self._newest = info.key
        newest = BatchKey.parse(self._newest)
        if newest is None:
            return 0
        try:
            return last_offset(self._store.get(self._newest) or b"") + 1
        except BatchError:
            log.warning("%s in %s is damaged; going on after it", self._newest, self._store.uri)
            return newest.offset + BATCH_ROWS
