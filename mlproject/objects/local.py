"""A local folder as an object store."""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import Final

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectInfo
from mlproject.objects.folder_walk import etag_of, walk

_UNFINISHED: Final = ".unfinished-"


@dataclass(frozen=True, slots=True)
class LocalStore:
    """Objects as files below ``root``; a write is seen whole or not at all."""

    root: Path

    @property
    def uri(self) -> str:
        """The folder's address."""
        return self.root.resolve().as_uri()

    def get(self, key: str) -> bytes | None:
        """Return an object's content, None if there is none."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            self._check_root()
            return None
        except OSError as error:
            raise _unavailable("read", self._path(key), error) from error

    def put(self, key: str, content: bytes) -> None:
        """Write an object whole: into a file beside it, to the disk, then renamed."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}")
            try:
                with unfinished.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            _sync_folder(path.parent)
        except OSError as error:
            raise _unavailable("write", path, error) from error

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix with keys after ``start_after``, ascending."""
        try:
            self._check_root()
            yield from walk(self.root, prefix, start_after, _is_unfinished)
        except OSError as error:
            raise _unavailable("list", self.root / prefix, error) from error

    def delete(self, key: str) -> None:
        """Remove an object; no object is no error."""
        try:
            self._path(key).unlink(missing_ok=True)
        except (IsADirectoryError, NotADirectoryError):
            self._check_root()
        except OSError as error:
            raise _unavailable("delete", self._path(key), error) from error

    def etag(self, key: str) -> str | None:
        """Return the tag of an object's content, None if there is no object."""
        try:
            stat = self._path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            self._check_root()
            return None
        except OSError as error:
            raise _unavailable("read", self._path(key), error) from error
        return None if S_ISDIR(stat.st_mode) else etag_of(stat)

    def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
        """Write an object if it still has the tag ``expected``, under a lock of its folder."""
        with _locked(self._path(key).parent):
            if self.etag(key) != expected:
                return False
            self.put(key, content)
            return True

    def remove_unfinished(self, older_seconds: float) -> None:
        """Remove files that were never renamed."""
        latest = time.time() - older_seconds
        try:
            for path in self.root.rglob(f"{_UNFINISHED}*"):
                with suppress(FileNotFoundError):  # it was renamed or removed meanwhile
                    if path.stat().st_mtime <= latest:
                        path.unlink()
        except OSError as error:
            raise _unavailable("tidy up", self.root, error) from error

    def keeps_conditions(self, probe_prefix: str) -> bool:  # noqa: ARG002 - nothing to probe
        """Return True: the lock is ours."""
        return True

    def _check_root(self) -> None:
        """Tell a file in the place of the folder from an empty store."""
        if self.root.exists() and not self.root.is_dir():
            raise StoreUnavailableError(f"{self.root} is no folder")

    def _path(self, key: str) -> Path:
        if ".." in key.split("/") or key.startswith("/"):
            raise ValueError(f"a key is a relative path without '..': {key!r}")
        return self.root / key


def _is_unfinished(name: str) -> bool:
    return name.startswith(_UNFINISHED)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; it needs no file and goes with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _unavailable("lock", folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, which needs the folder itself to be written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(what: str, path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(f"cannot {what} {path}: {error.strerror or error}")
