"""Takes the ratings of the forgotten out of the snapshot, whoever else works on it."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from mlproject.batches.progress import Totals, Watermark
from mlproject.core.errors import AlreadyRunningError
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectStore
from mlproject.snapshot.lease import only_builder
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, current, newest_generation, write_segments

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 60
_PAUSE_SECONDS: Final = 1.0

Rewritten = Mapping[str, tuple[str, str]]
"""By a batch's key, the tags of its content before and after it was written anew."""


def remove_forgotten(
    store: ObjectStore,
    forgotten: Forgotten,
    rewritten: Rewritten,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Switch to a snapshot without the ratings of the forgotten, and remove the older one.

    It switches even if there is nothing to remove: an ingest that has not read the list of
    the forgotten then fails to commit what it holds. It switches twice, since segments stay
    for one generation more than they are named.

    Parameters
    ----------
    store
        Where the snapshot is, or is to be.
    forgotten
        The list, as it is in the store already.
    rewritten
        Batches that were written anew: a watermark at one of them goes with it.
    sleep
        How to wait, in seconds, for another process that works on the snapshot.

    Returns
    -------
    int
        How many ratings were removed.

    Raises
    ------
    AlreadyRunningError
        If others work on the snapshot for a minute.
    DataError
        If the snapshot is damaged.
    StoreUnavailableError
        If the store does not answer.
    """
    removed = 0
    for attempt in range(_ATTEMPTS):
        try:
            with only_builder(store) as renew:
                seen, state = current(store)
                renew()
                seen, gone = _without(store, seen, state, forgotten, rewritten)
                removed += gone
                _renewed(store, seen)
        except AlreadyRunningError as error:
            if attempt == _ATTEMPTS - 1:
                raise
            log.info("%s; trying again", error)
            sleep(_PAUSE_SECONDS)
        else:
            break
    return removed


def _without(
    store: ObjectStore,
    seen: Seen,
    state: RatingsState,
    forgotten: Forgotten,
    rewritten: Rewritten,
) -> tuple[Seen, int]:
    before = seen.manifest
    generation = max(seen.generation, newest_generation(store)) + 1
    gone = forgotten.rows(state.ratings.user_id, state.ratings.rated_at)
    removed = int(gone.sum())
    base, deltas = (before.base, before.deltas) if before else ((), ())
    if removed:
        state = state.without(gone)
        base, deltas = write_segments(store, state.ratings, generation), ()
    manifest = Manifest.of(
        state,
        generation,
        base=base,
        deltas=deltas,
        watermarks=_moved(before, rewritten),
        totals=before.totals if before else Totals(),
    )
    return commit(store, seen, manifest), removed


def _renewed(store: ObjectStore, seen: Seen) -> None:
    """Switch to the same ratings once more, which removes the segments before them."""
    if seen.manifest is not None:
        commit(store, seen, replace(seen.manifest, generation=seen.generation + 1))


def _moved(before: Manifest | None, rewritten: Rewritten) -> dict[int, Watermark]:
    """Let watermarks know the new content of the batches that they stand at."""
    marks = before.watermarks if before else {}
    return {
        partition: replace(mark, etag=rewritten[mark.last_key][1])
        if mark.last_key in rewritten and rewritten[mark.last_key][0] == mark.etag
        else mark
        for partition, mark in marks.items()
    }
