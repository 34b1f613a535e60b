"""The snapshot from the raw batches, to prove it or to mend it."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mlproject.batches import quarantine
from mlproject.batches.fetching import fetch
from mlproject.batches.forgotten import read_forgotten
from mlproject.batches.listing import Found, new_batches, slices
from mlproject.batches.progress import Totals, Watermark
from mlproject.core.errors import DataError
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectStore
from mlproject.snapshot import keys as snapshot_keys
from mlproject.snapshot.ingest import DEFAULTS, IngestLimits
from mlproject.snapshot.lease import only_builder
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, current, newest_generation, write_segments

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild found.

    Parameters
    ----------
    equal
        Whether the snapshot is what its batches say.
    replaced
        Whether it was written anew.
    rows, rows_before
        Ratings now, and in the snapshot before; None if that could not be read.
    lost
        Ratings of the snapshot that its batches no longer tell.
    read
        Counts of the batches.
    generation
        The snapshot's.
    """

    equal: bool
    replaced: bool
    rows: int
    rows_before: int | None
    lost: int
    read: Totals
    generation: int


def rebuild(
    store: ObjectStore, *, force: bool = False, limits: IngestLimits = DEFAULTS
) -> tuple[RatingsState, RebuildReport]:
    """Read all batches up to the watermarks again, compare, and replace what differs.

    Batches that are marked as unreadable are tried again, and the mark goes if they can be
    read now. Newer batches are left to the next ingest; without a readable snapshot there
    are no watermarks, and all are read.

    Parameters
    ----------
    store
        Where batches and snapshot are.
    force
        Replace the snapshot even if it is equal, and even if it holds ratings whose
        batches are gone: those are lost then.
    limits
        How to cut the work.

    Returns
    -------
    tuple
        The ratings of the snapshot as it is now, and the report.

    Raises
    ------
    DataError
        If the snapshot holds ratings that the batches no longer tell, as after batches
        have been removed: replacing would lose them.
    AlreadyRunningError, StoreUnavailableError
        As an ingest.
    """
    seen, before = _before(store)
    forgotten = read_forgotten(store)  # after the manifest, as in an ingest
    until = seen.manifest.watermarks if seen.manifest else None
    with only_builder(store) as renew:
        state, watermarks, read = _from_batches(store, until, limits, forgotten)
        equal = before is not None and before.digest == state.digest
        lost = _lost(before, state, forgotten)
        if lost and not force:
            raise DataError(
                f"{lost} ratings of the snapshot in {store.uri} are no longer in its batches; "
                "replacing it would lose them, so it is left as it is unless forced"
            )
        replaced = force or not equal
        if replaced:
            generation = max(seen.generation, newest_generation(store)) + 1
            manifest = Manifest.of(
                state,
                generation,
                base=write_segments(store, state.ratings, generation),
                deltas=(),
                watermarks={**(until or {}), **watermarks},
                totals=read,
            )
            renew()
            seen = commit(store, seen, manifest)
    report = RebuildReport(
        equal=equal,
        replaced=replaced,
        rows=len(state),
        rows_before=None if before is None else len(before),
        lost=lost,
        read=read,
        generation=seen.generation,
    )
    return state, report


def _before(store: ObjectStore) -> tuple[Seen, RatingsState | None]:
    """Return the snapshot; without its ratings if it is damaged."""
    etag = store.etag(snapshot_keys.MANIFEST)
    try:
        seen, state = current(store)
    except DataError as error:
        log.warning("%s", error)
        return Seen(None, etag), None
    return seen, state if seen.manifest else None


def _from_batches(
    store: ObjectStore,
    until: Mapping[int, Watermark] | None,
    limits: IngestLimits,
    forgotten: Forgotten,
) -> tuple[RatingsState, dict[int, Watermark], Totals]:
    """Read the batches; take the marks from those that can be read after all."""
    state, watermarks, read = RatingsState.empty(), dict[int, Watermark](), Totals()
    marked = set(quarantine.marked(store))
    found = (each for each in new_batches(store) if until is None or _is_read(each, until))
    with ThreadPoolExecutor(limits.threads) as pool:
        for chunk in slices(found, limits.batches_per_commit, limits.bytes_per_commit):
            fetched = fetch(store, chunk, pool, forgotten)
            state = state.merge(fetched.ratings).state
            watermarks |= fetched.progress.watermarks
            read += fetched.progress.totals
            for batch_key in marked & {info.key for _, info in chunk} - fetched.progress.unreadable:
                log.info("batch %s can be read now", batch_key)
                quarantine.unmark(store, batch_key)
    return state, watermarks, read


def _is_read(found: Found, until: Mapping[int, Watermark]) -> bool:
    key, info = found
    watermark = until.get(key.partition)
    return watermark is not None and info.key <= watermark.last_key


def _lost(before: RatingsState | None, now: RatingsState, forgotten: Forgotten) -> int:
    """Count the ratings before that neither are there now nor lost against a later one."""
    if before is None:
        return 0
    missing = now.merge(before.ratings).fresh
    return int((~forgotten.rows(missing.user_id, missing.rated_at)).sum())
