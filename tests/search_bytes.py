"""Looks for a user in every byte of a folder, also in what is packed."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from pyarrow import parquet


def where_found(folder: Path, user_id: int, event_ids: list[str]) -> list[str]:
    """Return the files that hold a user's id or one of the events, as text or as number."""
    needles = [str(user_id).encode(), *(event_id.encode() for event_id in event_ids)]
    numbers = [user_id]
    for event_id in event_ids:
        number = UUID(event_id).int
        numbers += [number >> 64, number & (1 << 64) - 1]
    needles += [
        number.to_bytes(8, order, signed=False) for number in numbers for order in ("little", "big")
    ]
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and any(needle in content for content in _contents(path.read_bytes()) for needle in needles)
    ]


def _contents(raw: bytes) -> Iterator[bytes]:
    """Yield a file's bytes as they are, and unpacked."""
    yield raw
    if raw.startswith(b"\x1f\x8b"):
        yield gzip.decompress(raw)
    elif raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as members:
            for name in members.namelist():
                yield from _contents(members.read(name))
    elif raw.startswith(b"PAR1"):
        yield repr(parquet.read_table(io.BytesIO(raw)).to_pylist()).encode()
