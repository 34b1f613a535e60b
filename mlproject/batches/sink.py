"""Ratings straight into batch objects, as Kafka and its S3 sink would lay them down."""

import time
from collections.abc import Callable
from typing import Final

from mlproject.batches.formats import encode_batch, next_offset
from mlproject.batches.keys import BatchKey, partition_prefix
from mlproject.core.errors import BatchError
from mlproject.core.ports import ObjectStore
from mlproject.core.ratings import RatingFrame

JSON_LINES: Final = "jsonl.gz"


class BatchSink:
    """Writes one partition's events into objects, by count or by age.

    One process owns a partition. Since a batch's key is the offset of its first event
    and a write is atomic, a process that is killed loses at most the events it had not
    flushed, and starts again at :attr:`position`.

    Parameters
    ----------
    store
        Where the batches go.
    partition
        The partition that this process owns.
    batch_rows
        Events in an object, at most.
    batch_seconds
        Age in seconds at which buffered events are written, however few.
    ending
        The format of the objects: ``parquet``, or JSON lines, which the service can follow
        without pandas and pyarrow. Compressed they are 28 bytes a row where Parquet is 17,
        and 10,000 rows take 50 ms to write instead of 4 (230 to simulate).
    monotonic
        A clock in seconds.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        partition: int = 0,
        batch_rows: int = 10_000,
        batch_seconds: float = 10.0,
        ending: str = JSON_LINES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._partition = partition
        self._batch_rows = batch_rows
        self._batch_seconds = batch_seconds
        self._ending = ending
        self._monotonic = monotonic
        self._buffer: list[RatingFrame] = []
        self._oldest: float | None = None
        self._position: int | None = None

    @property
    def position(self) -> int:
        """How many events are durable; found from the newest batch at first use."""
        if self._position is None:
            self._position = self._end_of_newest_batch()
        return self._position

    def append(self, ratings: RatingFrame) -> None:
        """Buffer events, and write what is due by count or age."""
        if len(ratings):
            self._buffer.append(ratings)
            self._oldest = self._oldest if self._oldest is not None else self._monotonic()
        buffered = sum(len(part) for part in self._buffer)
        if buffered >= self._batch_rows or self._is_old():
            self.flush()

    def flush(self) -> None:
        """Write every buffered event; on return they are durable."""
        waiting = RatingFrame.concat(self._buffer)
        while len(waiting):
            batch = RatingFrame(waiting.frame.iloc[: self._batch_rows])
            key = BatchKey(self._partition, self.position, self._ending)
            self._store.put(str(key), encode_batch(key, batch))
            # Only now are they durable: a failed write leaves them buffered.
            self._position = self.position + len(batch)
            waiting = RatingFrame(waiting.frame.iloc[self._batch_rows :])
            self._buffer = [waiting] if len(waiting) else []
        self._oldest = None

    def _is_old(self) -> bool:
        return self._oldest is not None and self._monotonic() - self._oldest >= self._batch_seconds

    def _end_of_newest_batch(self) -> int:
        newest: BatchKey | None = None
        for info in self._store.list(partition_prefix(self._partition)):
            newest = BatchKey.parse(info.key) or newest
        if newest is None:
            return 0
        try:
            return next_offset(newest, self._store.get(str(newest)) or b"")
        except BatchError as error:
            raise BatchError(
                f"the newest batch, {newest} in {self._store.uri}, is {error}; "
                "remove it and start again: its events are then sent again"
            ) from error
