"""The keys of batches, catalogue and quarantine, built and parsed here and nowhere else.

::

    topics/ratings/partition=0/ratings+0+00000000000000000000.parquet   batches
    topics/ratings/partition=1000/ratings+1000+00000000000000000000.jsonl   the service's own
    quarantine/topics/ratings/partition=0/...                           rejected rows
    catalogue/shows.parquet                                             the catalogue
    catalogue/history/2026-11-22/shows.parquet                          as it was that day
    state/event-generator.json                                          how far it has come

Batches are named as Kafka Connect's S3 sinks name them: topic, partition and the offset
of the first event. Writing the same events again therefore replaces the same object.
Offsets are padded to 20 digits, so that the order of keys is the order of offsets.

The keys of the snapshot are in :mod:`mlproject.snapshot.keys`, those of the copy
of TVMaze in :mod:`mlproject.catalogue.tvmaze_state`.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

TOPIC: Final = "ratings"
DEAD_LETTER_TOPIC: Final = f"{TOPIC}.dlq"
CATALOGUE: Final = "catalogue/shows.parquet"
GENERATOR_POSITION: Final = "state/event-generator.json"
BATCHES: Final = f"topics/{TOPIC}/"

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
        The file's ending: ``parquet``.

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


def catalogue_of(day: date) -> str:
    """Return the key of the catalogue as it was at the end of a day."""
    return f"catalogue/history/{day.isoformat()}/shows.parquet"


def rejected_rows(origin: str) -> str:
    """Return the key under which the rejected rows of a batch or a file are kept."""
    return f"quarantine/{origin}.rejected.jsonl"
