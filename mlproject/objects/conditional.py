"""Writes that happen only if nobody wrote in between.

Free functions over the stores there are; they may become a method of the port.
"""

import fcntl
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store, unavailable

# 412: the condition does not hold; 409: another conditional write is under way.
_LOST: Final = (409, 412)
_NOT_IMPLEMENTED: Final = 501
_ABSENT_ETAG: Final = "00000000000000000000000000000000"
_in_process = threading.Lock()


def etag_of(store: ObjectStore, key: str) -> str | None:
    """Return the tag of an object's content, None if there is no object."""
    for info in store.list(key):
        if info.key == key:
            return info.etag
    return None


def put_if_unchanged(
    store: ObjectStore, key: str, content: bytes, expected_etag: str | None
) -> bool:
    """Write an object if it still is what the caller has seen.

    Parameters
    ----------
    store
        A local folder compares under a lock of the object's folder, S3 by ``If-Match`` and
        ``If-None-Match``, any other store under a lock of this process.
    key, content
        What to write.
    expected_etag
        The tag seen, None = there was no object. Take it before reading the object, and
        a change between the two makes the write fail rather than get lost.

    Returns
    -------
    bool
        False if the object has changed; nothing is written then.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer.
    """
    if isinstance(store, S3Store):
        return _put_s3(store, key, content, expected_etag)
    with _locked_folder(store.root / key) if isinstance(store, LocalStore) else _in_process:
        # A listing costs the names of the folder, and most that is created is not there yet.
        absent = isinstance(store, LocalStore) and not (store.root / key).exists()
        if (None if absent else etag_of(store, key)) != expected_etag:
            return False
        store.put(key, content)
        return True


def create(store: ObjectStore, key: str, content: bytes) -> bool:
    """Write an object if there is none under its key; return whether it was written.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer; the object may have been written all the same.
    """
    return put_if_unchanged(store, key, content, None)


def respects_conditions(store: ObjectStore, key_prefix: str) -> bool:
    """Tell whether conditional writes mean anything to the store's server.

    Some servers that speak S3 take the conditions and ignore them; three small requests
    below ``key_prefix`` find out.
    """
    if not isinstance(store, S3Store):
        return True
    key = f"{key_prefix}{uuid.uuid4().hex}"
    store.put(key, b"")
    try:
        overwrites = _put_s3(store, key, b"1", None)
        return not overwrites and not _put_s3(store, key, b"2", _ABSENT_ETAG)
    except _ConditionsNotImplementedError:
        return False
    finally:
        with suppress(StoreUnavailableError):
            store.delete(key)


class _ConditionsNotImplementedError(StoreUnavailableError):
    """The server refuses conditions."""


def _put_s3(store: S3Store, key: str, content: bytes, expected_etag: str | None) -> bool:
    condition: dict[str, Any] = (
        {"IfNoneMatch": "*"} if expected_etag is None else {"IfMatch": f'"{expected_etag}"'}
    )
    what = f"write {store.uri}/{key}"
    try:
        store.client.put_object(Bucket=store.bucket, Key=key, Body=content, **condition)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status in _LOST or _is_gone(error):
            return False
        if status == _NOT_IMPLEMENTED:
            raise _ConditionsNotImplementedError(f"cannot {what}: {error}") from error
        raise unavailable(what, error) from error
    except BotoCoreError as error:
        raise unavailable(what, error) from error
    return True


def _is_gone(error: ClientError) -> bool:
    """Tell whether an ``If-Match`` found no object at all."""
    return error.response.get("Error", {}).get("Code") == "NoSuchKey"


@contextmanager
def _locked_folder(path: Path) -> Iterator[None]:
    """Hold the lock of a file's folder; it needs no file and goes with the process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise StoreUnavailableError(f"cannot lock {path.parent}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
