"""A user's history at any position, from the bucket alone, to reproduce an answer."""

from collections.abc import Iterator

import numpy as np

from mlproject.batches.forgotten import read_forgotten
from mlproject.batches.formats import decode_batch
from mlproject.batches.keys import BatchKey
from mlproject.batches.listing import newer, partitions
from mlproject.batches.progress import Watermark
from mlproject.batches.rated_lines import read_rated_lines
from mlproject.core.errors import BatchError, DataError, UnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_order import Rated, order_of
from mlproject.core.user_histories import Position
from mlproject.core.user_ratings import UserRatings
from mlproject.histories.overlay import Overlay
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.latest import latest
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.segments import decode_segment
from mlproject.snapshot.switch import read_manifest


def history_at(store: ObjectStore, position: Position, user_id: int) -> UserRatings:
    """Return what a user had rated at a position, as the service knew it.

    Ratings that were forgotten since are not among them.

    Where the snapshot has not come past the position, it is read, and the batches after it;
    else all batches are, since a snapshot keeps no older ratings.

    Parameters
    ----------
    store
        Where snapshot and batches are.
    position
        Of an answer.
    user_id
        Whose.

    Raises
    ------
    UnavailableError
        If the batches do not go up to the position, or the store does not answer.
    DataError
        If the snapshot is damaged.
    """
    manifest = read_manifest(store).manifest
    forgotten = read_forgotten(store)
    known = Overlay(RatingsByUser.empty(), forgotten)
    marks: dict[int, Watermark] = {}
    if manifest and all(
        mark.next_offset <= position.offsets.get(partition, 0)
        for partition, mark in manifest.watermarks.items()
    ):
        marks = dict(manifest.watermarks)
        known = Overlay(RatingsByUser.of(_in_snapshot(store, manifest, user_id)), forgotten)
    for partition in {*partitions(store), *position.offsets, *(p for p, _ in position.beyond)}:
        known.take(known.winners(_in_batches(store, position, user_id, partition, marks)))
    return known.of(user_id)


def _in_snapshot(store: ObjectStore, manifest: Manifest, user_id: int) -> RatingColumns:
    found = []
    for info in manifest.segments:
        content = store.get(info.key)
        if content is None:
            raise DataError(f"the segment {info.key} is missing in {store.uri}")
        ratings = decode_segment(info, content)
        found.append(ratings.take(ratings.user_id == user_id))
    return latest(RatingColumns.concat(found))


def _in_batches(
    store: ObjectStore,
    position: Position,
    user_id: int,
    partition: int,
    marks: dict[int, Watermark],
) -> Iterator[Rated]:
    """Yield a user's ratings of a partition, up to the position."""
    until = position.offsets.get(partition, 0)
    beyond = {offset for each, offset in position.beyond if each == partition}
    needed = max(until, *(offset + 1 for offset in beyond), 0) if beyond else until
    mark = marks.get(partition)
    reached = mark.next_offset if mark else 0
    if reached >= needed:
        return
    for key, info in newer(store, partition, mark):
        if key.offset >= needed:
            break
        try:
            ratings, reached = _read(key, store.get(info.key) or b"")
        except BatchError:
            continue  # nobody has read it
        for offset, rated in ratings:
            if rated.user_id == user_id and (offset < until or offset in beyond):
                yield rated
    if reached < needed:
        raise UnavailableError(
            f"the batches of partition {partition} in {store.uri} go up to offset {reached}, and "
            f"the answer knew those up to {needed}; try again when they have been written"
        )


def _read(key: BatchKey, content: bytes) -> tuple[list[tuple[int, Rated]], int]:
    """Return a batch's ratings with their offsets, and the offset after it."""
    if key.is_json_lines:
        lines = read_rated_lines(content, key.offset)
        return lines.ratings, lines.next_offset
    batch = decode_batch(key, content)
    return list(enumerate(_rated(batch.ratings), key.offset)), batch.next_offset


def _rated(ratings: RatingColumns) -> Iterator[Rated]:
    keys = np.stack([ratings.id_high, ratings.id_low], axis=1).astype(">u8").tobytes()
    rows = zip(
        *(array.tolist() for array in (ratings.user_id, ratings.show_id, ratings.rating)),
        ratings.rated_at.tolist(),
        strict=True,
    )
    for row, (user_id, show_id, rating, rated_at) in enumerate(rows):
        key = keys[16 * row : 16 * row + 16]
        yield Rated(user_id, show_id, order_of(rated_at, key, rating))
