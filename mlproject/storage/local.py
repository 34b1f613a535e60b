"""A local folder as an object store."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectInfo

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
            return None
        except OSError as error:
            raise _unavailable("read", self._path(key), error) from error

    def put(self, key: str, content: bytes) -> None:
        """Write an object whole: into a file beside it, to the disk, then renamed."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(unfinished).replace(path)
            except BaseException:
                Path(unfinished).unlink(missing_ok=True)
                raise
            _sync_folder(path.parent)
        except OSError as error:
            raise _unavailable("write", path, error) from error

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix with keys after ``start_after``, ascending."""
        # The prefix may end within a name, so the walk starts at its last whole folder.
        folder = self._path(prefix[: prefix.rfind("/") + 1])
        try:
            keys = sorted(
                key
                for path in folder.rglob("*")
                if not path.name.startswith(_UNFINISHED) and path.is_file()
                if (key := path.relative_to(self.root).as_posix()).startswith(prefix)
                if key > start_after
            )
            for key in keys:
                stat = self._path(key).stat()
                yield ObjectInfo(key, stat.st_size, etag=f"{stat.st_size}-{stat.st_mtime_ns}")
        except OSError as error:
            raise _unavailable("list", folder, error) from error

    def delete(self, key: str) -> None:
        """Remove an object; no object is no error."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable("delete", self._path(key), error) from error

    def _path(self, key: str) -> Path:
        if ".." in key.split("/") or key.startswith("/"):
            raise ValueError(f"a key is a relative path without '..': {key!r}")
        return self.root / key


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, which needs the folder itself to be written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(what: str, path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(f"cannot {what} {path}: {error.strerror or error}")
