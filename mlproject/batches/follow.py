"""Follows the batch objects, a second after each is written.

A listing of a partition costs more the more batches it has (0.2 s at 10,000 in a folder, 2 s
at 100,000), and a writer goes on where its last batch ended. So the next batch is asked for
by its name, every second, and partitions are listed now and then, for what has come by
another name or into a new partition.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mlproject.batches.arrived import Arrived
from mlproject.batches.keys import SERVICE_PARTITION, BatchKey
from mlproject.batches.listing import newer, partitions
from mlproject.batches.progress import Watermark
from mlproject.batches.rated_lines import read_rated_lines
from mlproject.core.errors import BatchError
from mlproject.core.ports import ObjectInfo, ObjectStore

log = logging.getLogger(__name__)

# Between listings: that many times what one takes, within these bounds.
_LIST_PAUSES: Final = 50
_LIST_SECONDS: Final = (10.0, 120.0)
_MOST_AT_ONCE: Final = 10
# What the generator writes, and the service.
_FORMATS: Final = ("jsonl.gz", "jsonl")
_NOTHING: Final = Watermark("", "", 0)


class BatchStream:
    """The ratings of batch objects as they are written.

    Parameters
    ----------
    store
        Where the batches are.
    monotonic, sleep
        A clock in seconds, and how to wait.
    """

    def __init__(
        self,
        store: ObjectStore,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._sleep = sleep
        self._marks: dict[int, Watermark] = {}
        self._list_at = 0.0
        self._is_current = False
        self._trouble = ""

    @property
    def is_current(self) -> bool:
        """Whether the last read found everything there is."""
        return self._is_current

    @property
    def events_behind(self) -> int | None:
        """Events known to wait: batches do not tell their size before they are read."""
        return 0 if self._is_current else None

    @property
    def trouble(self) -> str:
        """What is wrong though reading goes on."""
        return self._trouble

    def go_on_from(self, watermarks: Mapping[int, Watermark]) -> None:
        """Read from these positions next, beginning with a listing."""
        # The partitions that ours write to, so that their first batch is met by name too.
        self._marks = {0: _NOTHING, SERVICE_PARTITION: _NOTHING, **watermarks}
        self._list_at = self._monotonic()
        self._is_current = False

    def read(self, wait_seconds: float) -> Sequence[Arrived]:
        """Return what has been written; wait only if nothing was there the last time.

        Raises
        ------
        StoreUnavailableError
            If the store does not answer.
        """
        if self._is_current:
            self._sleep(wait_seconds)
        self._is_current = False
        found: list[Arrived] = []
        began = self._monotonic()
        is_listing_due = began >= self._list_at
        if is_listing_due:
            for partition in partitions(self._store):
                self._marks.setdefault(partition, _NOTHING)
        for partition in tuple(self._marks):
            if is_listing_due:
                found += self._by_listing(partition, _MOST_AT_ONCE - len(found))
            found += self._by_name(partition, _MOST_AT_ONCE - len(found))
        self._is_current = len(found) < _MOST_AT_ONCE
        if is_listing_due and self._is_current:
            now = self._monotonic()
            least, most = _LIST_SECONDS
            self._list_at = now + min(most, max(least, _LIST_PAUSES * (now - began)))
        return found

    def close(self) -> None:
        """Do nothing: there is no connection of ours."""

    def _by_listing(self, partition: int, most: int) -> list[Arrived]:
        found: list[Arrived] = []
        if most > 0:
            for key, info in newer(self._store, partition, self._marks[partition]):
                found += self._read(key, info)
                if len(found) >= most:
                    break
        return found

    def _by_name(self, partition: int, most: int) -> list[Arrived]:
        """Read on as long as the next batch's name is known and there is such a batch."""
        found: list[Arrived] = []
        while len(found) < most:
            mark = self._marks[partition]
            last = BatchKey.parse(mark.last_key)
            names = [BatchKey(partition, mark.next_offset, each) for each in _FORMATS]
            if last:
                # A writer that was killed may write its last batch again, with more rows.
                names.append(last)
            for key in names:
                etag = self._store.etag(str(key))
                if etag is not None and (str(key), etag) != (mark.last_key, mark.etag):
                    found += self._read(key, ObjectInfo(str(key), 0, etag))
                    break
            else:
                break
        return found

    def _read(self, key: BatchKey, info: ObjectInfo) -> list[Arrived]:
        """Read a batch and go on after it; nothing if it has gone meanwhile."""
        content = self._store.get(info.key)
        before = self._marks[key.partition]
        if content is None:
            return []
        try:
            if not key.is_json_lines:
                raise BatchError(f".{key.format} is read by the ingest only")  # noqa: TRY301
            lines = read_rated_lines(content, key.offset)
        except BatchError as error:
            log.warning("batch %s is skipped until the next ingest: %s", info.key, error)
            mark = Watermark(info.key, info.etag, max(before.next_offset, key.offset))
            arrived = Arrived(key.partition, (), mark, passed_over=1, is_missed=True)
        else:
            mark = Watermark(info.key, info.etag, max(before.next_offset, lines.next_offset))
            rows = [rated for _, rated in lines.ratings]
            arrived = Arrived(key.partition, rows, mark, lines.passed_over)
        self._marks[key.partition] = mark
        return [arrived]
