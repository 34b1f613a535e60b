"""Copies of ratings on this machine's disk, mapped by all processes of the service.

::

    histories/current.json              names the newest copy, replaced at once
    histories/0000000012-<random>/      meta.json, and a file for each array
    histories/.unfinished-<random>/     one that is being written
    histories/lock                      held by who writes one

A copy never changes. One that is replaced is removed, and stays readable to those that have
it mapped. A process that is killed leaves an unfinished one, which the next writer removes.
"""

import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from mlproject.batches.progress import Watermark
from mlproject.core.errors import DataError, StoreUnavailableError
from mlproject.core.forgotten import Forgotten
from mlproject.histories.marks import Watermarks
from mlproject.histories.merging import merge
from mlproject.objects.locks import hold
from mlproject.snapshot.by_user import RatingsByUser

log = logging.getLogger(__name__)

_FORMAT: Final = 2
# In format 1 nothing was taken back. This release reads both, and older ones refuse format 2.
_READ: Final = (1, _FORMAT)
_CURRENT: Final = "current.json"
_META: Final = "meta.json"
_UNFINISHED: Final = ".unfinished-"
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Copy:
    """Ratings, and the position up to which they are complete.

    Parameters
    ----------
    ratings
        Mapped files.
    name
        The folder's; empty for one that has none.
    generation
        Of the snapshot that these ratings began with; 0 = none.
    watermarks
        By partition, how far its ratings are in.
    missed
        By partition, up to where the stream lacked some; a snapshot that has come there
        has them.
    """

    ratings: RatingsByUser
    name: str = ""
    generation: int = 0
    watermarks: Watermarks = field(default_factory=dict)
    missed: Watermarks = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copies:
    """The folder of copies.

    Parameters
    ----------
    folder
        Made when needed.
    source
        Where the ratings come from; a copy from elsewhere is not used.
    """

    folder: Path
    source: str

    def current_name(self) -> str:
        """Return the newest copy's name; empty if there is none."""
        try:
            return str(json.loads((self.folder / _CURRENT).read_bytes())["name"])
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, LookupError, TypeError) as error:
            log.warning("%s cannot be read: %s", self.folder / _CURRENT, error)
            return ""

    def current(self) -> Copy | None:
        """Map the newest copy; None if there is none that can be used."""
        for _ in range(_ATTEMPTS):  # it may be replaced at this very moment
            name = self.current_name()
            if not name:
                return None
            try:
                return self._mapped(name)
            except (DataError, OSError, ValueError, LookupError, TypeError) as error:
                trouble = error
        log.warning("the copy %s cannot be used: %s", self.folder / name, trouble)
        return None

    def forget(self) -> None:
        """Let no process take up the newest copy from now on."""
        (self.folder / _CURRENT).unlink(missing_ok=True)

    def writing(self) -> AbstractContextManager[None]:
        """Hold the lock of who writes.

        Raises
        ------
        AlreadyRunningError
            If another process holds it.
        StoreUnavailableError
            If the folder cannot be written.
        """
        return hold(self.folder / "lock", "another worker")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Make a folder for :meth:`write`, and remove it; the lock must be held.

        Raises
        ------
        StoreUnavailableError
            If the disk is full, say.
        """
        try:
            for left in self.folder.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left, ignore_errors=True)
            made = self.folder / f"{_UNFINISHED}{uuid.uuid4().hex[:8]}"
            made.mkdir()
            try:
                yield made
            finally:
                shutil.rmtree(made, ignore_errors=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot write {self.folder}: {error.strerror or error}"
            ) from error

    def write(
        self, scratch: Path, sets: Sequence[RatingsByUser], about: Copy, forgotten: Forgotten
    ) -> str:
        """Merge sets into a new copy, and make it the current one; the lock must be held.

        Parameters
        ----------
        scratch
            An empty folder beside the copies.
        sets
            What to merge.
        about
            All but the ratings and the name.
        forgotten
            Whose ratings are left out.

        Returns
        -------
        str
            The copy's name.
        """
        made = scratch / "copy"
        made.mkdir()
        merge(sets, made, forgotten)
        _write(made / _META, self._meta(about))
        _sync(made)
        name = f"{about.generation:010d}-{uuid.uuid4().hex[:8]}"
        made.rename(self.folder / name)
        _write(scratch / _CURRENT, {"name": name})
        (scratch / _CURRENT).replace(self.folder / _CURRENT)
        _sync(self.folder)
        self.remove_others(name)
        return name

    def remove_others(self, name: str) -> None:
        """Remove all copies but one; the lock must be held."""
        for path in self.folder.iterdir():
            if path.is_dir() and path.name[0] != "." and path.name != name:
                shutil.rmtree(path, ignore_errors=True)

    def _meta(self, about: Copy) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "source": self.source,
            "generation": about.generation,
            "watermarks": {key: asdict(mark) for key, mark in about.watermarks.items()},
            "missed": {key: asdict(mark) for key, mark in about.missed.items()},
        }

    def _mapped(self, name: str) -> Copy | None:
        folder = self.folder / name
        meta = json.loads((folder / _META).read_bytes())
        if meta["format"] not in _READ or meta["source"] != self.source:
            log.info("the copy %s is of other ratings or another release", folder)
            return None
        return Copy(
            RatingsByUser.mapped(folder),
            name,
            int(meta["generation"]),
            _marks(meta["watermarks"]),
            _marks(meta["missed"]),
        )


def _marks(raw: Mapping[str, Any]) -> dict[int, Watermark]:
    return {int(partition): Watermark(**mark) for partition, mark in raw.items()}


def _write(path: Path, content: dict[str, Any]) -> None:
    with path.open("wb") as file:
        file.write(json.dumps(content, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make names durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
