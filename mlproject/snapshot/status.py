"""What the snapshot holds and how far it is behind; costs a few listings."""

from dataclasses import dataclass

from mlproject.batches.listing import newer, partitions
from mlproject.batches.progress import Totals
from mlproject.batches.quarantine import QuarantineCounts, count_quarantined
from mlproject.core.ports import ObjectStore
from mlproject.snapshot.switch import read_manifest


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """How far a partition is read.

    Parameters
    ----------
    partition
        Its number.
    last_key, next_offset
        The newest batch read, and the offset after it; empty and 0 for none.
    newest_key
        The newest batch there is.
    lag
        Batches that wait to be read.
    """

    partition: int
    last_key: str
    next_offset: int
    newest_key: str
    lag: int


@dataclass(frozen=True, slots=True)
class SnapshotStatus:
    """The snapshot at a glance.

    Parameters
    ----------
    generation
        0 = there is none yet.
    rows, users, shows
        Counts.
    segments, size
        How many segments there are, and their bytes.
    digest
        Equal for equal ratings; empty while there is none.
    partitions
        Ascending.
    totals
        What has been read since the first batch.
    quarantine
        What is in quarantine.
    """

    generation: int
    rows: int
    users: int
    shows: int
    segments: int
    size: int
    digest: str
    partitions: tuple[PartitionStatus, ...]
    totals: Totals
    quarantine: QuarantineCounts

    @property
    def lag(self) -> int:
        """Batches that wait to be read, over all partitions."""
        return sum(part.lag for part in self.partitions)


def status(store: ObjectStore) -> SnapshotStatus:
    """Look at the manifest, at the batches past it and at the quarantine.

    Raises
    ------
    DataError
        If the manifest is damaged.
    StoreUnavailableError
        If the store does not answer.
    """
    manifest = read_manifest(store).manifest
    known = manifest.watermarks if manifest else {}
    found = []
    for partition in sorted({*partitions(store), *known}):
        watermark = known.get(partition)
        last = newest = watermark.last_key if watermark else ""
        lag = 0
        for _, info in newer(store, partition, watermark):
            lag += 1
            newest = max(newest, info.key)
        offset = watermark.next_offset if watermark else 0
        found.append(PartitionStatus(partition, last, offset, newest, lag))
    return SnapshotStatus(
        generation=manifest.generation if manifest else 0,
        rows=manifest.rows if manifest else 0,
        users=manifest.users if manifest else 0,
        shows=manifest.shows if manifest else 0,
        segments=len(manifest.segments) if manifest else 0,
        size=sum(info.size for info in manifest.segments) if manifest else 0,
        digest=manifest.digest if manifest else "",
        partitions=tuple(found),
        totals=manifest.totals if manifest else Totals(),
        quarantine=count_quarantined(store),
    )
