"""A disk without room, told as such."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mlproject.core.errors import StoreUnavailableError

# A full disk, a quota that is used up, a limit on the size of files.
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SIGNS: Final = (
    *("No space left on device", "Disk quota exceeded", "File too large"),
    " written",  # numpy: "400 requested and 0 written", without a number
    "disk is full",  # SQLite
)


@contextmanager
def telling_of_a_full_disk() -> Iterator[None]:
    """Turn the error of a disk without room, wherever it comes from, into our own.

    It is for the outside of a process, since anything may write: a fit into a temporary folder,
    a plot, a lock. Other errors pass.

    Raises
    ------
    StoreUnavailableError
        With the file that could not be written, or where temporary files are.
    """
    try:
        yield
    except Exception as error:
        if not _no_room(error):
            raise
        named = getattr(error, "filename", None)
        where = f"cannot write {named}" if named else f"cannot write below {tempfile.gettempdir()}"
        raise StoreUnavailableError(
            f"the disk is full: {where}; make room there, or choose another place with "
            "TVREC_STATE_DIR, for temporary files with TMPDIR"
        ) from error


def _no_room(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    # As shutil.Error, which holds the texts of several, and errors of SQLite.
    known = isinstance(error, OSError) or type(error).__module__.startswith("sqlite3")
    return known and any(sign in str(error) for sign in _SIGNS)
