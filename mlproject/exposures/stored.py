"""Exposures in the store: reading them, and deleting a forgotten user's and old ones."""

import logging
from collections.abc import Iterator
from datetime import date

from mlproject.core.errors import DataError, StoreUnavailableError
from mlproject.core.exposures import Exposure
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectStore
from mlproject.exposures.records import EXPOSURES, day_of, decode, encode

log = logging.getLogger(__name__)

_ATTEMPTS = 20


def read_exposures(store: ObjectStore, since: date | None = None) -> Iterator[Exposure]:
    """Yield the exposures from a day on, day by day; what is damaged is passed over.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer.
    """
    after = f"{EXPOSURES}day={since}" if since else ""
    for info in store.list(EXPOSURES, after):
        content = store.get(info.key) if day_of(info.key) else None
        if content is None:
            continue
        try:
            yield from decode(content)
        except DataError as error:
            log.warning("%s is skipped: %s", info.key, error)


def remove_forgotten(store: ObjectStore, forgotten: Forgotten) -> int:
    """Remove what was shown to the forgotten; return how many exposures that were."""
    return sum(
        clean(store, info.key, forgotten) for info in store.list(EXPOSURES) if day_of(info.key)
    )


def clean(store: ObjectStore, key: str, forgotten: Forgotten) -> int:
    """Rewrite an object without the exposures of forgotten users; return how many it had.

    One that is damaged is removed, since nobody can tell whose it is.
    """
    for _ in range(_ATTEMPTS):
        etag, content = store.etag(key), store.get(key)
        if content is None:
            return 0
        try:
            found = decode(content)
        except DataError as error:
            log.warning("%s is removed: %s", key, error)
            store.delete(key)
            return 0
        kept = [each for each in found if not forgotten.covers(each.user_id, each.shown_at)]
        if len(kept) == len(found):
            return 0
        if store.put_if(key, encode(kept), etag):
            return len(found) - len(kept)
    raise StoreUnavailableError(f"{key} in {store.uri} is being rewritten all the time")


def remove_before(store: ObjectStore, day: date) -> int:
    """Remove the exposures of all days before one; return how many objects that were."""
    count = 0
    for info in store.list(EXPOSURES):
        found = day_of(info.key)
        if found is not None:
            if found >= day:
                break
            store.delete(info.key)
            count += 1
    return count
