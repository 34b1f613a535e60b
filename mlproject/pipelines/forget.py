"""Forgets a user: removes their ratings wherever these are kept.

First the user is put on the list of the forgotten, which every reader of ratings obeys from then
on. Then the ratings are removed from the batches, the quarantine, the snapshot, and the copies on
this machine. Each step can be repeated, so after a kill the command is run again and removes the
rest.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from mlproject.batches import keys, quarantine
from mlproject.batches.fetching import read_clean
from mlproject.batches.forgotten import add_forgotten
from mlproject.batches.listing import Found, newer, partitions, slices
from mlproject.core.errors import BatchError, RequestError
from mlproject.core.forgotten import Forgotten
from mlproject.core.numbers import INT64_MAX
from mlproject.core.ports import ObjectStore
from mlproject.exposures import stored as exposures
from mlproject.histories import forgetting as copies_forgetting
from mlproject.histories.copies import Copies
from mlproject.pipelines.stream_note import StreamNote
from mlproject.snapshot import forgetting as snapshot_forgetting
from mlproject.snapshot.switch import current

_THREADS: Final = 8
_TOGETHER: Final = 256
_NAMED: Final = 3
# Longer than any write takes: what is older was left by a writer that was killed.
_UNFINISHED_SECONDS: Final = 600.0

OnProgress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was removed of a user, and what could not be.

    Parameters
    ----------
    user_id
        Who.
    until
        Up to when they are forgotten; what they rate later counts.
    in_batches, in_quarantine, in_snapshot, in_copies
        Ratings removed: from the batches, rows set aside, from the snapshot, and from the
        copies that the service keeps on this machine. One rating may be in all of them.
    exposures
        Removed answers, of which it was noted what they showed the user.
    batches
        How many batches were looked through.
    unreadable
        Keys of batches that cannot be read, so that nobody knows whose ratings they hold.
    """

    user_id: int
    until: datetime
    in_batches: int
    in_quarantine: int
    in_snapshot: int
    in_copies: int
    exposures: int
    batches: int
    unreadable: tuple[str, ...]


def forget(
    store: ObjectStore,
    copies: Copies,
    user_id: int,
    now: datetime,
    on_progress: OnProgress = lambda _done, _of: None,
) -> Receipt:
    """Remove what a user has rated up to now.

    Parameters
    ----------
    store
        Where ratings are.
    copies
        What the service keeps on this machine, if it runs here.
    user_id
        Who.
    now
        The moment, with its zone; later ratings count.
    on_progress
        Called with the number of batches looked through, and of all.

    Raises
    ------
    RequestError
        If it is no id of a user.
    AlreadyRunningError
        If others work on the snapshot or the copies for a minute; the same call goes on.
    DataError
        If the snapshot or the list of the forgotten is damaged.
    StoreUnavailableError
        If the store does not answer; the same call goes on.
    """
    if not 0 <= user_id <= INT64_MAX:
        raise RequestError(f"a user's id is a whole number from 0 to {INT64_MAX}, not {user_id}")
    moment = max(int(now.timestamp() * 1000), _newest(store, user_id))
    forgotten = add_forgotten(store, user_id, moment)
    in_batches = _clean_batches(store, forgotten, on_progress)
    store.remove_unfinished(_UNFINISHED_SECONDS)
    return Receipt(
        user_id=user_id,
        until=datetime.fromtimestamp(moment / 1000, UTC),
        in_batches=in_batches.removed,
        in_quarantine=quarantine.remove_forgotten(store, forgotten),
        in_snapshot=snapshot_forgetting.remove_forgotten(store, forgotten, in_batches.rewritten),
        in_copies=copies_forgetting.remove_forgotten(copies, forgotten),
        exposures=exposures.remove_forgotten(store, forgotten),
        batches=in_batches.count,
        unreadable=in_batches.unreadable,
    )


def _newest(store: ObjectStore, user_id: int) -> int:
    """Return when a user's newest rating says it was made: the clock of its sender may be fast."""
    ratings = current(store)[1].ratings
    first = np.searchsorted(ratings.user_id, user_id, side="left")
    last = np.searchsorted(ratings.user_id, user_id, side="right")
    return int(ratings.rated_at[first:last].max(initial=0))


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of a user, and until when, as sentences."""

    what: str
    until: str


def remainders(
    receipt: Receipt, note: StreamNote | None, kafka_days: int | None, *, in_bucket: bool
) -> list[Remainder]:
    """Say what :func:`forget` does not remove.

    Parameters
    ----------
    receipt
        What it has removed.
    note
        Whose ratings the store holds.
    kafka_days
        Days after which Kafka deletes ratings; None if there is no Kafka.
    in_bucket
        Whether the store is a bucket.
    """
    found = [
        Remainder(
            f"a mark in {keys.FORGOTTEN}: a salted hash and the moment, so that no old event "
            "brings the ratings back",
            "for good",
        ),
        Remainder(
            "copies on other machines where the service runs; they do not count there",
            "a minute after the service there has reached the store",
        ),
    ]
    if kafka_days is not None:
        end = receipt.until + timedelta(days=kafka_days)
        found.append(
            Remainder(
                "events in Kafka, in the topic of ratings and its dead-letter topic; they do not "
                "count",
                f"{end:%Y-%m-%d}, by a retention of {kafka_days} days",
            )
        )
    if in_bucket:
        found.append(
            Remainder(
                "older versions of objects, if the bucket keeps such",
                "the bucket's rules remove them",
            )
        )
    if note is not None and note.source == "replayed":
        found.append(
            Remainder(f"the file {note.file}, which is yours; it is not read as far", "you edit it")
        )
    if receipt.unreadable:
        found.append(
            Remainder(
                f"{len(receipt.unreadable)} batches that cannot be read, so that nobody knows "
                f"whose ratings they hold: {', '.join(receipt.unreadable[:_NAMED])}",
                "you mend or delete them",
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Cleaned:
    count: int
    removed: int
    rewritten: dict[str, tuple[str, str]]
    unreadable: tuple[str, ...]


def _clean_batches(store: ObjectStore, forgotten: Forgotten, on_progress: OnProgress) -> _Cleaned:
    """Rewrite the batches that hold ratings of forgotten users."""
    found = [
        each for partition in partitions(store) for each in newer(store, partition, watermark=None)
    ]
    removed, done = 0, 0
    rewritten: dict[str, tuple[str, str]] = {}
    unreadable = []

    def clean(each: Found) -> tuple[int, str] | None:
        try:
            read = read_clean(store, *each, forgotten)
        except BatchError:
            return None
        return read.blanked, read.etag

    with ThreadPoolExecutor(_THREADS) as pool:
        for chunk in slices(found, _TOGETHER):
            for (_, info), cleaned in zip(chunk, pool.map(clean, chunk), strict=True):
                if cleaned is None:
                    unreadable.append(info.key)
                elif cleaned[0]:
                    removed += cleaned[0]
                    rewritten[info.key] = (info.etag, cleaned[1])
            done += len(chunk)
            on_progress(done, len(found))
    return _Cleaned(len(found), removed, rewritten, tuple(unreadable))
