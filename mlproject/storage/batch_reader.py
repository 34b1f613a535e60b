"""Reads batch objects back, setting aside what cannot be read."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.ports import ObjectInfo, ObjectStore
from mlproject.core.ratings import RatingFrame
from mlproject.storage import keys
from mlproject.storage.parquet import decode_ratings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a reading of the batches came to.

    Parameters
    ----------
    batches, unreadable
        Objects read, and objects that could not be.
    rows, rejected
        Good rows, and rows set aside under ``quarantine/`` with their reason.
    """

    batches: int
    unreadable: int
    rows: int
    rejected: int


def read_batches(store: ObjectStore, *, threads: int = 8) -> tuple[RatingFrame, BatchReport]:
    """Read every batch of ratings, in the order of partitions and offsets.

    Parameters
    ----------
    store
        Where the batches are.
    threads
        How many objects are fetched at the same time.

    Returns
    -------
    tuple
        All good rows, and the report. A batch that cannot be decoded is left where it
        is, named in the log and counted; it does not stop the others.
    """
    placed = [
        (key.partition, key.offset, info)
        for info in store.list(keys.BATCHES)
        if (key := keys.BatchKey.parse(info.key))
    ]
    # Keys sort partition 10 before partition 2.
    found = [info for *_, info in sorted(placed, key=lambda place: place[:2])]
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda info: read_batch(store, info), found))
    frames = [part for part in parts if part is not None]
    ratings = RatingFrame.concat([good for good, _ in frames])
    return ratings, BatchReport(
        batches=len(frames),
        unreadable=len(parts) - len(frames),
        rows=len(ratings),
        rejected=sum(rejected for _, rejected in frames),
    )


def read_batch(store: ObjectStore, info: ObjectInfo) -> tuple[RatingFrame, int] | None:
    """Read one batch: its good rows and how many were set aside; None if unreadable."""
    try:
        good, rejected = decode_ratings(store.get(info.key) or b"")
    except BatchError as error:
        log.warning("batch %s is left out: %s", info.key, error)
        return None
    if len(rejected):
        _quarantine(store, info.key, rejected)
    return good, len(rejected)


def _quarantine(store: ObjectStore, key: str, rejected: pd.DataFrame) -> None:
    log.warning(
        "%d rows of %s are set aside, the first because %s",
        len(rejected),
        key,
        rejected[c.REASON].iloc[0],
    )
    lines = rejected.to_json(orient="records", lines=True, date_format="iso")
    store.put(keys.rejected_rows(key), lines.encode())
