"""The manifest: the one small object that says what the snapshot is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from mlproject.batches.progress import Totals, Watermark
from mlproject.core.errors import DataError
from mlproject.snapshot.state import RatingsState

SCHEMA_VERSION: Final = 2
"""In version 1 nothing was taken back. A program of that time must not take it for ratings."""
_READ: Final = (1, SCHEMA_VERSION)


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """A segment: its key, its rows, and the SHA-256 and size in bytes of its content."""

    key: str
    rows: int
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A snapshot.

    Parameters
    ----------
    generation
        Counts the switches, from 1.
    base
        Segments that together are sorted by user, then show, each pair once.
    deltas
        Segments of later winners, oldest first.
    watermarks
        By partition.
    totals
        What has been read.
    rows, users, shows
        Counts of the snapshot with its deltas merged.
    digest
        Of the merged ratings, see :class:`~mlproject.snapshot.digest.RatingsDigest`.
    """

    generation: int
    base: tuple[SegmentInfo, ...]
    deltas: tuple[SegmentInfo, ...]
    watermarks: Mapping[int, Watermark]
    totals: Totals
    rows: int
    users: int
    shows: int
    digest: str
    schema_version: int = field(default=SCHEMA_VERSION)

    @classmethod
    def of(
        cls,
        state: RatingsState,
        generation: int,
        *,
        base: tuple[SegmentInfo, ...],
        deltas: tuple[SegmentInfo, ...],
        watermarks: Mapping[int, Watermark],
        totals: Totals,
    ) -> Self:
        """Describe a state whose segments are written."""
        return cls(
            generation=generation,
            base=base,
            deltas=deltas,
            watermarks=watermarks,
            totals=totals,
            rows=len(state),
            users=state.users,
            shows=len(state.show_ids),
            digest=state.digest.text,
        )

    @property
    def segments(self) -> tuple[SegmentInfo, ...]:
        """Base and deltas."""
        return self.base + self.deltas

    def encoded(self) -> bytes:
        """Return the manifest as JSON; equal manifests, equal bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def decoded(cls, content: bytes) -> Self:
        """Read a manifest.

        Raises
        ------
        DataError
            If it is damaged or of another schema version.
        """
        try:
            raw = json.loads(content)
            version = raw["schema_version"]
            if version not in _READ:
                raise DataError(
                    f"the snapshot's manifest is of schema version {version}, "
                    f"this program reads up to {SCHEMA_VERSION}; use the release that wrote it"
                )
            return cls(**{**raw, **_parts(raw), "schema_version": SCHEMA_VERSION})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"the snapshot's manifest is damaged: {error}") from error


def _parts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are more than a number or a text."""
    return {
        "base": tuple(SegmentInfo(**entry) for entry in raw["base"]),
        "deltas": tuple(SegmentInfo(**entry) for entry in raw["deltas"]),
        "watermarks": {
            int(partition): Watermark(**entry) for partition, entry in raw["watermarks"].items()
        },
        "totals": Totals(**raw["totals"]),
    }
