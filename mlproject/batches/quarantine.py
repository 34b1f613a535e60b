"""What could not be used, kept with the reason."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mlproject.batches import keys
from mlproject.batches.blanking import is_about
from mlproject.batches.listing import Found
from mlproject.batches.progress import Progress, Watermark
from mlproject.core import columns as c
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QuarantineCounts:
    """Objects in quarantine: files of rejected rows, and marks of unreadable batches."""

    rejected_files: int
    unreadable: int


def keep_rejected(store: ObjectStore, batch_key: str, rejected: pd.DataFrame) -> None:
    """Write the rejected rows of a batch, one JSON object per line."""
    log.warning(
        "%d rows of %s are set aside, the first because %s",
        len(rejected),
        batch_key,
        rejected[c.REASON].iloc[0],
    )
    lines = rejected.to_json(orient="records", lines=True, date_format="iso")
    store.put(keys.rejected_rows(batch_key), lines.encode())


def mark_unreadable(store: ObjectStore, batch_key: str, reason: str, etag: str) -> None:
    """Note that a batch cannot be read; the batch itself stays where it is."""
    log.warning("batch %s is left out: %s", batch_key, reason)
    mark = {"key": batch_key, "reason": reason, "etag": etag}
    store.put(keys.unreadable(batch_key), json.dumps(mark, indent=1).encode())


def marked(store: ObjectStore) -> Iterator[str]:
    """Yield the keys of the batches that are marked as unreadable."""
    for info in store.list(keys.QUARANTINE):
        batch_key = keys.marked_batch(info.key)
        if batch_key is not None:
            yield batch_key


def unmark(store: ObjectStore, batch_key: str) -> None:
    """Take the mark from a batch that can be read after all."""
    store.delete(keys.unreadable(batch_key))


def unmark_rewritten(
    store: ObjectStore,
    chunk: Sequence[Found],
    watermarks: Mapping[int, Watermark],
    progress: Progress,
) -> None:
    """Take the mark from batches at the watermark that were written again, readable now."""
    for key, info in chunk:
        read_before = watermarks.get(key.partition)
        if read_before and info.key == read_before.last_key and info.key not in progress.unreadable:
            unmark(store, info.key)


def remove_forgotten(store: ObjectStore, forgotten: Forgotten) -> int:
    """Remove the rows set aside that may be of the forgotten; return how many.

    What is set aside of a catalogue is about shows, and stays.
    """
    count = 0
    for origin in (keys.BATCHES, keys.FILES):
        for info in store.list(f"{keys.QUARANTINE}{origin}"):
            if not info.key.endswith(keys.REJECTED):
                continue
            content = (store.get(info.key) or b"").decode()
            lines = [line for line in content.split("\n") if line]
            kept = [line for line in lines if not is_about(json.loads(line), forgotten)]
            if len(kept) < len(lines):
                count += len(lines) - len(kept)
                _replace(store, info.key, kept)
    return count


def _replace(store: ObjectStore, key: str, lines: list[str]) -> None:
    if lines:
        store.put(key, "".join(f"{line}\n" for line in lines).encode())
    else:
        store.delete(key)


def count_quarantined(store: ObjectStore) -> QuarantineCounts:
    """Count what is in quarantine."""
    unreadable = total = 0
    for info in store.list(f"{keys.QUARANTINE}{keys.BATCHES}"):
        total += 1
        unreadable += keys.marked_batch(info.key) is not None
    return QuarantineCounts(total - unreadable, unreadable)
