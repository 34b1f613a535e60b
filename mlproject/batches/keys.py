"""The keys of batches and of the quarantine, built and parsed here and nowhere else.

::

    topics/ratings/partition=0/ratings+0+00000000000000000000.jsonl.gz      batches
    topics/ratings/partition=1000/ratings+1000+00000000000000000000.jsonl   the service's own
    quarantine/topics/ratings/partition=0/... .rejected.jsonl               rejected rows
    quarantine/topics/ratings/partition=0/... .unreadable.json              an unreadable batch
    quarantine/files/NAME.rejected.jsonl                                    rejected rows of a file
    state/event-generator.json                                              how far it has come
    state/stream.json                                                       whose ratings these are
    state/forgotten.json                                                    who is not to come back

Batches are named as Kafka Connect's S3 sinks name them: topic, partition and the offset
of the first event. Writing the same events again therefore replaces the same object.
Offsets are padded to 20 digits, so that the order of keys is the order of offsets.

The keys of the snapshot are in :mod:`mlproject.snapshot.keys`, those of the catalogue in
:mod:`mlproject.catalogue.stored`, those of the copy of TVMaze in
:mod:`mlproject.catalogue.tvmaze_state`.
"""

import re
from dataclasses import dataclass
from typing import Final

from mlproject.core.topics import TOPIC

GENERATOR_POSITION: Final = "state/event-generator.json"
STREAM: Final = "state/stream.json"
FORGOTTEN: Final = "state/forgotten.json"
BATCHES: Final = f"topics/{TOPIC}/"
SERVICE_PARTITION: Final = 1000
"""What the service writes without Kafka; no topic has so many, so its offsets are its own."""
QUARANTINE: Final = "quarantine/"
REJECTED: Final = ".rejected.jsonl"
UNREADABLE: Final = ".unreadable.json"
FILES: Final = "files/"

_BATCH: Final = re.compile(
    r"topics/(?P<topic>[^/]+)/partition=(?P<partition>[0-9]+)/"
    r"(?P=topic)\+(?P=partition)\+(?P<offset>[0-9]+)\.(?P<format>[a-z][a-z.]*)"
)


@dataclass(frozen=True, slots=True)
class BatchKey:
    """Where a batch of events lies.

    Parameters
    ----------
    partition
        The partition of the topic.
    offset
        The offset of the batch's first event.
    format
        The file's ending, such as ``parquet`` or ``jsonl.gz``.

    Examples
    --------
    >>> str(BatchKey(partition=0, offset=1200))
    'topics/ratings/partition=0/ratings+0+00000000000000001200.parquet'
    """

    partition: int
    offset: int
    format: str = "parquet"

    def __str__(self) -> str:
        return (
            f"{partition_prefix(self.partition)}"
            f"{TOPIC}+{self.partition}+{self.offset:020d}.{self.format}"
        )

    @property
    def is_json_lines(self) -> bool:
        """Whether :mod:`mlproject.batches.jsonl` reads it, so pandas and pyarrow are not needed."""
        endings = set(self.format.split("."))
        return "parquet" not in endings and bool({"json", "jsonl", "gz"} & endings)

    @classmethod
    def parse(cls, key: str) -> "BatchKey | None":
        """Read a key; None if it is not that of a batch of ratings."""
        found = _BATCH.fullmatch(key)
        if not found or found["topic"] != TOPIC:
            return None
        return cls(int(found["partition"]), int(found["offset"]), found["format"])


def partition_prefix(partition: int) -> str:
    """Return what the keys of a partition's batches begin with."""
    return f"{BATCHES}partition={partition}/"


def rejected_rows(origin: str) -> str:
    """Return the key under which the rejected rows of a batch or a file are kept."""
    return f"{QUARANTINE}{origin}{REJECTED}"


def unreadable(batch_key: str) -> str:
    """Return the key of the mark of a batch that cannot be read."""
    return f"{QUARANTINE}{batch_key}{UNREADABLE}"


def marked_batch(mark_key: str) -> str | None:
    """Return the batch that a mark is about; None if the key is not that of a mark."""
    if not (mark_key.startswith(QUARANTINE) and mark_key.endswith(UNREADABLE)):
        return None
    return mark_key.removeprefix(QUARANTINE).removesuffix(UNREADABLE)
