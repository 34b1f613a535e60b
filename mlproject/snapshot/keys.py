"""The keys of the snapshot.

::

    snapshots/ratings/manifest.json                         the one mutable object
    snapshots/ratings/segments/0000000012-<digest>.npz      immutable rows
    snapshots/ratings/lease.json                            only where needed

A segment's name tells the generation that it was written for, so that whoever commits
that generation knows that older names are no longer in anyone's hands.
"""

import re
from typing import Final

SNAPSHOT: Final = "snapshots/ratings/"
MANIFEST: Final = f"{SNAPSHOT}manifest.json"
SEGMENTS: Final = f"{SNAPSHOT}segments/"
LEASE: Final = f"{SNAPSHOT}lease.json"
PROBE: Final = f"{SNAPSHOT}probe-"

_SEGMENT: Final = re.compile(rf"{SEGMENTS}(?P<generation>\d+)-[0-9a-f]+\.(npz|parquet)")


def segment(generation: int, digest: str) -> str:
    """Return the key of a segment.

    Examples
    --------
    >>> segment(12, "5f0c")
    'snapshots/ratings/segments/0000000012-5f0c.npz'
    """
    return f"{SEGMENTS}{generation:010d}-{digest}.npz"


def generation_of(segment_key: str) -> int | None:
    """Return the generation that a segment was written for; None for a foreign key."""
    found = _SEGMENT.fullmatch(segment_key)
    return int(found["generation"]) if found else None


def is_parquet(segment_key: str) -> bool:
    """Tell whether a segment is one of an older release."""
    return segment_key.endswith(".parquet")
