"""Walks a folder in the order of keys, without what a listing leaves out."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from mlproject.core.ports import ObjectInfo

# No part of a key is one of these, though a file system would find a folder by them.
_NO_NAMES: Final = frozenset({"", ".", ".."})


def walk(
    root: Path, prefix: str, start_after: str, is_unfinished: Callable[[str], bool]
) -> Iterator[ObjectInfo]:
    """Yield the files below ``root`` as objects, ascending by key.

    A folder is entered only if a key in it can be asked for, its names are read when the
    listing comes to it, and a file is looked at only when it is yielded. So the first of
    many costs one folder, and those after a key cost the names of their folder.

    Parameters
    ----------
    root
        The folder of the store; none = no objects.
    prefix, start_after
        As in :meth:`~mlproject.core.ports.ObjectStore.list`.
    is_unfinished
        Tells by its name whether a file is still being written.

    Raises
    ------
    OSError
        If a folder cannot be read; not for what another process removes meanwhile.
    """
    # The prefix may end within a name, so the walk starts at its last whole folder.
    top = prefix[: prefix.rfind("/") + 1]
    if _NO_NAMES & set(top.split("/")[:-1]):
        return iter(())
    return _walk(root, top, prefix, start_after, is_unfinished)


def etag_of(stat: os.stat_result) -> str:
    """Return the tag of a file's content."""
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _walk(
    root: Path, folder: str, prefix: str, start_after: str, is_unfinished: Callable[[str], bool]
) -> Iterator[ObjectInfo]:
    for key in _names(root / folder, folder, is_unfinished):
        if key.endswith("/"):
            if _may_hold(key, prefix, start_after):
                yield from _walk(root, key, prefix, start_after, is_unfinished)
        elif key.startswith(prefix) and key > start_after:
            try:
                stat = (root / key).stat()
            except FileNotFoundError:
                continue
            yield ObjectInfo(key, stat.st_size, etag_of(stat), stat.st_mtime)


def _names(path: Path, folder: str, is_unfinished: Callable[[str], bool]) -> list[str]:
    """Return the keys in a folder, ascending; a folder's ends with a slash and sorts so.

    While a folder is read, a file that is written may be missed and a later one seen: a
    reader that goes on after the later one would never read the earlier. Whatever was
    written before the last of a first look is there at the second.
    """
    first = _scan(path, folder, is_unfinished)
    if not first or first[-1].endswith("/"):
        return first
    return [key for key in _scan(path, folder, is_unfinished) if key <= first[-1]]


def _scan(path: Path, folder: str, is_unfinished: Callable[[str], bool]) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(
                f"{folder}{entry.name}/" if entry.is_dir() else f"{folder}{entry.name}"
                for entry in entries
                if not is_unfinished(entry.name)
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _may_hold(folder: str, prefix: str, start_after: str) -> bool:
    """Tell whether a key below a folder can have the prefix and come after the key."""
    has_prefix = folder.startswith(prefix) or prefix.startswith(folder)
    return has_prefix and (folder > start_after or start_after.startswith(folder))
