"""Reads and switches the snapshot: segments first, then one write of the manifest.

A crash before that write leaves segments that no manifest names, a crash after it
segments that none names any more; both are removed by a later commit.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from mlproject.core.errors import AlreadyRunningError, DataError
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.keys import MANIFEST, SEGMENTS, generation_of
from mlproject.snapshot.manifest import Manifest, SegmentInfo
from mlproject.snapshot.segments import decode_segment, encode_segment
from mlproject.snapshot.state import RatingsState

SEGMENT_ROWS: Final = 2_000_000
_THREADS: Final = 4
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """The manifest as it was seen, and the tag to write against; None = none yet."""

    manifest: Manifest | None
    etag: str | None

    @property
    def generation(self) -> int:
        """The manifest's, 0 for none."""
        return self.manifest.generation if self.manifest else 0


def read_manifest(store: ObjectStore) -> Seen:
    """Return the manifest.

    Raises
    ------
    DataError
        If there is one that cannot be read.
    """
    # The tag first: should the manifest change in between, a write against it fails.
    etag = store.etag(MANIFEST)
    content = store.get(MANIFEST)
    return Seen(Manifest.decoded(content) if content is not None else None, etag)


def read_segments(store: ObjectStore, manifest: Manifest) -> tuple[RatingColumns, RatingColumns]:
    """Return the rows of the base, sorted, and those of the deltas, in any order.

    Raises
    ------
    DataError
        If a segment is missing or damaged.
    """
    return _joined(store, manifest.base), _joined(store, manifest.deltas)


def read_segment(store: ObjectStore, info: SegmentInfo) -> RatingColumns:
    """Return the rows of one segment.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    content = store.get(info.key)
    if content is None:
        raise DataError(f"the segment {info.key} is missing in {store.uri}")
    return decode_segment(info, content)


def read_snapshot(store: ObjectStore) -> tuple[Seen, RatingColumns, RatingColumns]:
    """Return the manifest and its segments, also while another process switches.

    Segments stay for one generation more; a reader slower than that starts again.

    Raises
    ------
    DataError
        If the snapshot is damaged.
    """
    for _ in range(_ATTEMPTS - 1):
        seen = read_manifest(store)
        if seen.manifest is None:
            break
        try:
            return seen, *read_segments(store, seen.manifest)
        except DataError:
            if store.etag(MANIFEST) == seen.etag:
                raise
    seen = read_manifest(store)
    if seen.manifest is None:
        return seen, RatingColumns.unfilled(0), RatingColumns.unfilled(0)
    return seen, *read_segments(store, seen.manifest)


def current(store: ObjectStore, state: RatingsState | None = None) -> tuple[Seen, RatingsState]:
    """Return the manifest and its ratings, from memory if those are the same.

    Raises
    ------
    DataError
        If the snapshot is damaged; the text says how to mend it.
    """
    try:
        seen = read_manifest(store)
        if seen.manifest is None:
            return seen, RatingsState.empty()
        if state is not None and state.digest.text == seen.manifest.digest:
            return seen, state
        seen, base, deltas = read_snapshot(store)
        loaded = RatingsState.of_sorted(base).merge(deltas).state
        if seen.manifest and loaded.digest.text != seen.manifest.digest:
            raise DataError("the ratings in the segments differ from the manifest")  # noqa: TRY301
    except DataError as error:
        raise DataError(
            f"the snapshot in {store.uri} is damaged ({error}); "
            "`tvrec dataset rebuild` rebuilds it from the batches"
        ) from error
    return seen, loaded


def write_segments(
    store: ObjectStore, ratings: RatingColumns, generation: int, rows: int = SEGMENT_ROWS
) -> tuple[SegmentInfo, ...]:
    """Write sorted rows as segments of at most ``rows`` rows, a few at a time."""

    def write(start: int) -> SegmentInfo:
        part = RatingColumns(*(array[start : start + rows] for array in ratings.arrays))
        info, content = encode_segment(part, generation)
        store.put(info.key, content)
        return info

    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(pool.map(write, range(0, len(ratings), rows)))


def commit(store: ObjectStore, seen: Seen, manifest: Manifest) -> Seen:
    """Switch to a manifest whose segments are written, then remove what is out of use.

    Parameters
    ----------
    store
        Where the snapshot is.
    seen
        The manifest that the new one was made from.
    manifest
        The new one, of the next generation.

    Returns
    -------
    Seen
        The new manifest, to go on from.

    Raises
    ------
    AlreadyRunningError
        If another process has switched meanwhile; its snapshot stands, and the segments of
        this one are removed.
    """
    try:
        etag = _written(store, seen, manifest)
    except AlreadyRunningError:
        _withdraw(store, manifest)
        raise
    for key in _out_of_use(store, seen.manifest, manifest):
        store.delete(key)
    return Seen(manifest, etag)


def newest_generation(store: ObjectStore) -> int:
    """Return the highest generation that a segment was written for, 0 for none."""
    numbers = (generation_of(info.key) for info in store.list(SEGMENTS))
    return max((number for number in numbers if number is not None), default=0)


def _written(store: ObjectStore, seen: Seen, manifest: Manifest) -> str | None:
    """Write a manifest in the place of the one that was seen; return its tag."""
    content = manifest.encoded()
    # The look before is for servers that ignore conditions: a lease may have come only after
    # another's switch. Elsewhere the write itself decides.
    unchanged = store.etag(MANIFEST) == seen.etag
    if not (unchanged and store.put_if(MANIFEST, content, seen.etag)):
        raise AlreadyRunningError(
            f"another ingest has switched the snapshot in {store.uri} meanwhile; "
            "this one stops, and what it read is read again"
        )
    # Another's later manifest under this tag would be lost: take it only for our own.
    etag = store.etag(MANIFEST)
    if store.get(MANIFEST) != content:
        raise AlreadyRunningError(f"another ingest works on the snapshot in {store.uri}")
    return etag


def _withdraw(store: ObjectStore, manifest: Manifest) -> None:
    """Remove the segments of a manifest that lost the race, now rather than at a later commit.

    They may hold ratings that the winner has been made to forget.
    """
    winner = read_manifest(store).manifest
    if winner is None or winner.generation < manifest.generation:
        return
    # Equal rows make equal keys, so the winner may name some of them.
    named = {info.key for info in winner.segments}
    for info in manifest.segments:
        if generation_of(info.key) == manifest.generation and info.key not in named:
            store.delete(info.key)


def _out_of_use(store: ObjectStore, before: Manifest | None, now: Manifest) -> Iterator[str]:
    """Yield segments named neither now nor before, and not being written by anyone.

    Who writes for this generation or an older one has lost the race for it already; a
    segment of a later one belongs to someone who has started from ``now``.
    """
    named = {info.key for info in now.segments + (before.segments if before else ())}
    for info in store.list(SEGMENTS):
        generation = generation_of(info.key)
        if generation is not None and generation <= now.generation and info.key not in named:
            yield info.key


def _joined(store: ObjectStore, segments: tuple[SegmentInfo, ...]) -> RatingColumns:
    """Read segments into arrays that are made once, so that no row is held twice."""
    joined = RatingColumns.unfilled(sum(info.rows for info in segments))
    starts, start = [], 0
    for info in segments:
        starts.append(start)
        start += info.rows

    def read(info: SegmentInfo, start: int) -> None:
        part = read_segment(store, info)
        for whole, piece in zip(joined.arrays, part.arrays, strict=True):
            whole[start : start + len(piece)] = piece

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(read, segments, starts))
    return joined
