"""Writes a new copy from the overlay, the present copy and the snapshot."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from mlproject.batches.forgotten import read_forgotten
from mlproject.core.errors import AlreadyRunningError
from mlproject.core.ports import ObjectStore
from mlproject.histories.copies import Copies, Copy
from mlproject.histories.marks import Watermarks, furthest, not_covered
from mlproject.histories.unpacking import unpack_snapshot
from mlproject.snapshot.by_user import RatingsByUser

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """The sources of a new copy.

    Parameters
    ----------
    copy
        The present one.
    live
        The ratings in memory.
    watermarks, missed
        Up to where they go, and what they lack.
    from_snapshot, keep_copy
        Whether the snapshot is in it, and the present copy.
    replaced
        The name of a copy that cannot be used, and may be written over; empty for none.
    """

    copy: Copy
    live: RatingsByUser
    watermarks: Watermarks
    missed: Watermarks
    from_snapshot: bool
    keep_copy: bool
    replaced: str = ""


def write_copy(plan: Plan, store: ObjectStore, copies: Copies) -> bool:
    """Write a copy, unless another worker does, or has done.

    Returns
    -------
    bool
        Whether it was written.

    Raises
    ------
    DataError
        If the snapshot is damaged.
    StoreUnavailableError
        If the store does not answer, or the disk is full.
    """
    try:
        with copies.writing():
            if copies.current_name() not in {"", plan.copy.name, plan.replaced}:
                return False
            with copies.scratch() as scratch:
                return _write_into(scratch, plan, store, copies)
    except AlreadyRunningError:
        return False


def _write_into(scratch: Path, plan: Plan, store: ObjectStore, copies: Copies) -> bool:
    began = time.monotonic()
    sets = [plan.live, *([plan.copy.ratings] if plan.keep_copy else [])]
    generation, watermarks, missed = plan.copy.generation, plan.watermarks, plan.missed
    if plan.from_snapshot:
        manifest, segments = unpack_snapshot(store, scratch / "segments")
        if manifest is None:
            return False
        sets += segments
        generation = manifest.generation
        watermarks = furthest(watermarks, manifest.watermarks)
        missed = not_covered(missed, manifest.watermarks)
    about = Copy(plan.live, "", generation, watermarks, missed)
    # Read now, with the lock held: what is written after somebody was forgotten is without them.
    name = copies.write(scratch, sets, about, read_forgotten(store))
    log.info("wrote the copy %s in %.1f s", name, time.monotonic() - began)
    return True
