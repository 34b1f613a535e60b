"""A local folder as an object store."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectInfo
from mlproject.objects.folder_walk import walk

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


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, which needs the folder itself to be written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(what: str, path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(f"cannot {what} {path}: {error.strerror or error}")
