"""One process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlproject.core.errors import AlreadyRunningError, StoreUnavailableError


@contextmanager
def hold(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file while the block runs; it goes with the process, even a killed one.

    Parameters
    ----------
    path
        The lock file; its folder is made when needed.
    what
        What the holder does, for the error: "make run".

    Raises
    ------
    AlreadyRunningError
        If another process holds it.
    StoreUnavailableError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise _unwritable(path, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunningError(
                f"{what} works on {path.parent} already (process {file.read().decode()}); "
                "stop it first, or choose another folder with TVREC_STATE_DIR"
            ) from None
        try:
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        except OSError as error:
            raise _unwritable(path, error) from error
        yield


def _unwritable(path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"cannot write {path}: {error.strerror}; choose another folder with TVREC_STATE_DIR"
    )
