"""Fetches and reads batches in parallel; none of them stops the others."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from mlproject.batches.formats import Batch, decode_batch
from mlproject.batches.keys import BatchKey
from mlproject.batches.progress import Totals, Watermark
from mlproject.batches.quarantine import keep_rejected, mark_unreadable
from mlproject.core.errors import BatchError
from mlproject.core.ports import ObjectInfo, ObjectStore
from mlproject.core.rating_columns import RatingColumns

Found = tuple[BatchKey, ObjectInfo]

# Objects that a thread reads one after the other, if there are tasks enough for all threads.
_TOGETHER: Final = 16
_TASKS: Final = 64


@dataclass(frozen=True, slots=True)
class Fetched:
    """Batches that have been read together.

    Parameters
    ----------
    ratings
        The good rows of all, in any order.
    watermarks
        How far each partition is read after them.
    totals
        Counts of these batches.
    unreadable
        The keys of those that could not be read.
    """

    ratings: RatingColumns
    watermarks: dict[int, Watermark]
    totals: Totals
    unreadable: frozenset[str]


def fetch(store: ObjectStore, found: Sequence[Found], pool: Executor) -> Fetched:
    """Read batches, and put into quarantine what cannot be read.

    Parameters
    ----------
    store
        Where the batches are.
    found
        Which ones; those of a partition in the order of offsets.
    pool
        The threads that fetch.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer; nothing is lost, the same batches are read again.
    """
    # Handing an object to a thread costs a good part of reading a small one.
    together = max(1, min(_TOGETHER, len(found) // _TASKS))
    slices = [found[start : start + together] for start in range(0, len(found), together)]
    read = pool.map(lambda part: [_fetch_one(store, *each) for each in part], slices)
    batches = list(chain.from_iterable(read))
    watermarks: dict[int, Watermark] = {}
    totals = Totals()
    for (key, info), batch in zip(found, batches, strict=True):
        watermark = Watermark(info.key, info.etag, batch.next_offset if batch else key.offset)
        before = watermarks.get(key.partition)
        if before:
            # A batch that cannot be read tells no offset; what is known stays.
            watermark = replace(
                watermark, next_offset=max(before.next_offset, watermark.next_offset)
            )
        watermarks[key.partition] = watermark
        totals += (
            Totals(batches=1, events=len(batch.ratings), rejected=len(batch.rejected))
            if batch
            else Totals(unreadable=1)
        )
    ratings = RatingColumns.concat([batch.ratings for batch in batches if batch])
    unreadable = (info.key for (_, info), batch in zip(found, batches, strict=True) if not batch)
    return Fetched(ratings, watermarks, totals, frozenset(unreadable))


def _fetch_one(store: ObjectStore, key: BatchKey, info: ObjectInfo) -> Batch | None:
    content = store.get(info.key)
    try:
        if content is None:
            raise BatchError("it was removed before it could be read")  # noqa: TRY301
        batch = decode_batch(key, content)
    except BatchError as error:
        mark_unreadable(store, info.key, str(error), info.etag)
        return None
    if len(batch.rejected):
        keep_rejected(store, info.key, batch.rejected)
    return batch
