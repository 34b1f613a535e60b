"""Follows the batch objects as they appear."""

import logging
import threading
from collections.abc import Iterator

from mlproject.batches import keys
from mlproject.batches.formats import decode_frame
from mlproject.batches.listing import partitions
from mlproject.core.errors import BatchError
from mlproject.core.ports import ObjectStore
from mlproject.core.ratings import RatingFrame

log = logging.getLogger(__name__)


def tail_batches(
    store: ObjectStore,
    stop: threading.Event,
    *,
    from_start: bool = False,
    poll_seconds: float = 2.0,
) -> Iterator[RatingFrame]:
    """Yield the ratings of new batches, until ``stop`` is set.

    Parameters
    ----------
    store
        Where the batches are.
    stop
        Ends it.
    from_start
        Whether to begin with the batches that are there.
    poll_seconds
        Time between looks.
    """
    seen: dict[int, str] = {}
    first = True
    while not stop.is_set():
        for partition in partitions(store):
            after = seen.get(partition, "")
            for info in store.list(keys.partition_prefix(partition), start_after=after):
                seen[partition] = info.key
                key = keys.BatchKey.parse(info.key)
                if key is not None and (from_start or not first):
                    yield from _read(store, key)
        first = False
        stop.wait(poll_seconds)


def _read(store: ObjectStore, key: keys.BatchKey) -> Iterator[RatingFrame]:
    """Yield a batch's good rows; nothing of one that cannot be read."""
    try:
        good = decode_frame(key, store.get(str(key)) or b"")
    except BatchError as error:
        log.warning("batch %s is skipped: %s", key, error)
    else:
        yield good
