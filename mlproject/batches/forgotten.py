"""The list of the forgotten, in the store beside the batches that it is about."""

import json
from typing import Final

from mlproject.batches import keys
from mlproject.core.errors import DataError, StoreUnavailableError
from mlproject.core.forgotten import NOBODY, Forgotten
from mlproject.core.ports import ObjectStore

_ATTEMPTS: Final = 20


def read_forgotten(store: ObjectStore) -> Forgotten:
    """Return who is forgotten; an empty list if nobody is.

    Raises
    ------
    DataError
        If the list is damaged: to go on without it could bring somebody back.
    """
    content = store.get(keys.FORGOTTEN)
    if content is None:
        return NOBODY
    try:
        raw = json.loads(content)
        until = {str(mark): int(moment) for mark, moment in raw["until"].items()}
        bytes.fromhex(raw["salt"])
        return Forgotten(raw["salt"], until, frozenset(map(int, raw["prints"])))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{keys.FORGOTTEN} in {store.uri}, the list of forgotten users, is damaged ({error}); "
            "put it back from a backup, or delete it and forget each of them again"
        ) from error


def add_forgotten(store: ObjectStore, user_id: int, moment: int) -> Forgotten:
    """Put a user on the list, durably; return the list.

    Parameters
    ----------
    store
        Where the list is.
    user_id
        Who.
    moment
        Up to when, in milliseconds since 1970, UTC.

    Raises
    ------
    DataError
        If the list is damaged.
    StoreUnavailableError
        If the store does not answer, or if others write to the list all the time.
    """
    for _ in range(_ATTEMPTS):
        # The tag first: should the list change in between, a write against it fails.
        etag = store.etag(keys.FORGOTTEN)
        listed = read_forgotten(store)
        wanted = listed.adding(user_id, moment)
        if wanted == listed:
            return listed
        content = {"salt": wanted.salt, "until": wanted.until, "prints": sorted(wanted.prints)}
        store.put_if(keys.FORGOTTEN, json.dumps(content, indent=1).encode(), etag)
    raise StoreUnavailableError(f"too many others write to {keys.FORGOTTEN} in {store.uri}")
