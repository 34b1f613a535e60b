"""Follows the batch objects as they appear."""

import threading
from collections.abc import Iterator

from mlproject.core.ports import ObjectStore
from mlproject.core.ratings import RatingFrame
from mlproject.storage import keys
from mlproject.storage.batch_reader import read_batch


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
        for partition in _partitions(store):
            after = seen.get(partition, "")
            for info in store.list(keys.partition_prefix(partition), start_after=after):
                seen[partition] = info.key
                if (from_start or not first) and (read := read_batch(store, info)):
                    yield read[0]
        first = False
        stop.wait(poll_seconds)


def _partitions(store: ObjectStore) -> list[int]:
    """Find the partitions, by one listing for each and not by listing every object."""
    found: list[int] = []
    after = ""
    while info := next(store.list(keys.BATCHES, start_after=after), None):
        key = keys.BatchKey.parse(info.key)
        if key is None:
            after = info.key
            continue
        found.append(key.partition)
        # "~" comes after every character of a key: the partition is behind us.
        after = f"{keys.partition_prefix(key.partition)}~"
    return sorted(found)
