"""Lists what can be new, and nothing else."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from mlproject.batches import keys
from mlproject.batches.progress import Watermark
from mlproject.core.ports import ObjectInfo, ObjectStore

_PARTITION: Final = re.compile(rf"{re.escape(keys.BATCHES)}partition=(?P<partition>\d+)/")
# The character after "/": what follows all keys of a folder.
_AFTER_SLASH: Final = "0"

Found = tuple[keys.BatchKey, ObjectInfo]


def partitions(store: ObjectStore) -> list[int]:
    """Return the partitions that have objects, ascending.

    It asks for one page of a listing per partition: from the first key of each, the next
    request starts after all of its keys.
    """
    found: list[int] = []
    cursor = ""
    while True:
        for info in store.list(keys.BATCHES, cursor):
            if part := _PARTITION.match(info.key):
                break
        else:
            return sorted(found)
        found.append(int(part["partition"]))
        cursor = part[0].removesuffix("/") + _AFTER_SLASH


def newer(
    store: ObjectStore, partition: int, watermark: Watermark | None
) -> Iterator[tuple[keys.BatchKey, ObjectInfo]]:
    """Yield a partition's batches past the watermark, in the order of offsets.

    Within a partition nothing arrives late: one writer owns a partition at a time and
    writes in the order of offsets, and keys are padded, so that a later object has a
    later key. (The padding's width must stay what it was.) A writer that was killed may
    write its last object again, and with more rows; so the object at the watermark is
    looked at again, and yielded if it is no longer the one that was read.

    Parameters
    ----------
    store
        Where the batches are.
    partition
        Which partition.
    watermark
        What has been read; None = nothing.
    """
    # A key without its last letter comes just before it, and after all smaller offsets.
    after = watermark.last_key[:-1] if watermark else ""
    for info in store.list(keys.partition_prefix(partition), after):
        key = keys.BatchKey.parse(info.key)
        if key is None or key.partition != partition:
            continue
        if watermark and info.key <= watermark.last_key and info.etag == watermark.etag:
            continue
        yield key, info


def new_batches(
    store: ObjectStore, watermarks: Mapping[int, Watermark] | None = None
) -> Iterator[Found]:
    """Yield the batches past the watermarks, partition by partition."""
    known = watermarks or {}
    return chain.from_iterable(
        newer(store, partition, known.get(partition)) for partition in partitions(store)
    )


def slices(found: Iterable[Found], batches: int, size: float = math.inf) -> Iterator[list[Found]]:
    """Yield batches together, in their order.

    Parameters
    ----------
    found
        All of them.
    batches
        So many together at most.
    size
        Bytes of their objects together, at most; a larger one comes alone.
    """
    together: list[Found] = []
    left = size
    for one in found:
        left -= one[1].size
        if together and (left < 0 or len(together) == batches):
            yield together
            together, left = [], size - one[1].size
        together.append(one)
    if together:
        yield together
