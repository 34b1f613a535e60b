"""Fetches and reads batches in parallel; none of them stops the others."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import Final

from mlproject.batches.blanking import blanked, concerns
from mlproject.batches.formats import Batch, decode_batch
from mlproject.batches.keys import BatchKey
from mlproject.batches.listing import Found
from mlproject.batches.progress import Delay, Progress, Totals, Watermark
from mlproject.batches.quarantine import keep_rejected, mark_unreadable
from mlproject.core.errors import BatchError, StoreUnavailableError
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectInfo, ObjectStore
from mlproject.core.rating_columns import RatingColumns

# Objects that a thread reads one after the other, if there are tasks enough for all threads.
_TOGETHER: Final = 16
_TASKS: Final = 64
_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """Batches that have been read together.

    Parameters
    ----------
    ratings
        The good rows of all, in any order.
    progress
        The counts of what was read.
    """

    ratings: RatingColumns
    progress: Progress


def fetch(
    store: ObjectStore, found: Sequence[Found], pool: Executor, forgotten: Forgotten
) -> Fetched:
    """Read batches, and put into quarantine what cannot be read.

    A batch that holds ratings of the forgotten is written anew without them first.

    Parameters
    ----------
    store
        Where the batches are.
    found
        Which ones; those of a partition in the order of offsets.
    pool
        The threads that fetch.
    forgotten
        Whose ratings do not count.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer; nothing is lost, the same batches are read again.
    """
    # Handing an object to a thread costs a good part of reading a small one.
    together = max(1, min(_TOGETHER, len(found) // _TASKS))
    slices = [found[start : start + together] for start in range(0, len(found), together)]
    read = pool.map(
        lambda part: [_fetch_one(store, key, info, forgotten) for key, info in part], slices
    )
    batches = list(chain.from_iterable(read))
    progress = Progress.joined(map(_progress, found, batches))
    return Fetched(RatingColumns.concat([batch.ratings for batch, _ in batches if batch]), progress)


def _fetch_one(
    store: ObjectStore, key: BatchKey, info: ObjectInfo, forgotten: Forgotten
) -> tuple[Batch | None, str]:
    """Return a batch, None if it cannot be read; and the tag of what was read."""
    try:
        read = read_clean(store, key, info, forgotten)
    except BatchError as error:
        mark_unreadable(store, info.key, str(error), info.etag)
        return None, info.etag
    if len(read.batch.rejected):
        keep_rejected(store, info.key, read.batch.rejected)
    return read.batch, read.etag


@dataclass(frozen=True, slots=True)
class CleanBatch:
    """A batch as it is now.

    Parameters
    ----------
    batch
        What it holds.
    etag
        The tag of its content.
    blanked
        How many ratings of the forgotten were taken out of it.
    """

    batch: Batch
    etag: str
    blanked: int


def read_clean(
    store: ObjectStore, key: BatchKey, info: ObjectInfo, forgotten: Forgotten
) -> CleanBatch:
    """Read a batch; if it holds ratings of the forgotten, write it anew without them.

    Raises
    ------
    BatchError
        If it cannot be read.
    StoreUnavailableError
        If the store does not answer.
    """
    etag: str | None = info.etag
    content = store.get(info.key)
    count = 0
    for _ in range(_ATTEMPTS):
        if content is None or etag is None:
            raise BatchError("it was removed before it could be read")
        batch = decode_batch(key, content)
        if not concerns(batch, forgotten):
            return CleanBatch(batch, etag, count)
        clean, taken_out = blanked(key, content, forgotten)
        count += taken_out if store.put_if(info.key, clean, etag) else 0
        # The tag first: should its writer write it again in between, the next write fails.
        etag = store.etag(info.key)
        content = store.get(info.key)
    raise StoreUnavailableError(f"{info.key} in {store.uri} is being rewritten all the time")


def _progress(found: Found, read: tuple[Batch | None, str]) -> Progress:
    (key, info), (batch, etag) = found, read
    watermark = Watermark(info.key, etag, batch.next_offset if batch else key.offset)
    watermarks = {key.partition: watermark}
    if batch is None:
        return Progress(watermarks, Totals(unreadable=1), frozenset((info.key,)))
    counts = Totals(batches=1, events=len(batch.ratings), rejected=len(batch.rejected))
    return Progress(watermarks, counts, delay=_delay(info, batch))


def _delay(info: ObjectInfo, batch: Batch) -> Delay:
    if not info.written_at or not len(batch.ratings):
        return Delay()
    newest = float(batch.ratings.rated_at.max()) / 1000
    return Delay(info.written_at, max(0.0, info.written_at - newest))
