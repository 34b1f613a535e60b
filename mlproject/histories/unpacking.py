"""The snapshot's segments as mapped files, as they are."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mlproject.core.errors import DataError
from mlproject.core.ports import ObjectStore
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.manifest import Manifest, SegmentInfo
from mlproject.snapshot.segments import unpack_segment
from mlproject.snapshot.switch import read_manifest

# Each holds a segment in memory, some 60 MB.
_THREADS: Final = 2
_ATTEMPTS: Final = 3


def unpack_snapshot(
    store: ObjectStore, folder: Path
) -> tuple[Manifest | None, list[RatingsByUser]]:
    """Fetch the snapshot, also while a builder switches it.

    Parameters
    ----------
    store
        Where it is.
    folder
        Where the files go.

    Returns
    -------
    tuple
        The manifest, None if there is no snapshot; and each segment, mapped.

    Raises
    ------
    DataError
        If it is damaged.
    StoreUnavailableError
        If the store does not answer.
    """
    for attempt in range(_ATTEMPTS):
        seen = read_manifest(store)
        if seen.manifest is None:
            return None, []
        try:
            return seen.manifest, _unpacked(store, seen.manifest, folder / f"attempt-{attempt}")
        except DataError:
            # Segments stay for one generation more; who is slower than that starts again.
            if attempt == _ATTEMPTS - 1 or read_manifest(store).etag == seen.etag:
                raise
    raise AssertionError("the last attempt returns or raises")


def _unpacked(store: ObjectStore, manifest: Manifest, folder: Path) -> list[RatingsByUser]:
    def unpack(numbered: tuple[int, SegmentInfo]) -> RatingsByUser:
        number, info = numbered
        content = store.get(info.key)
        if content is None:
            raise DataError(f"the segment {info.key} is missing in {store.uri}")
        place = folder / str(number)
        place.mkdir(parents=True)
        return unpack_segment(info, content, place)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(unpack, enumerate(manifest.segments)))
