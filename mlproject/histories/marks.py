"""Watermarks of all partitions, and how they compare."""

from collections.abc import Mapping

from mlproject.batches.progress import Watermark

Watermarks = Mapping[int, Watermark]
"""By partition, how far its ratings are known."""


def covers(ours: Watermarks, theirs: Watermarks) -> bool:
    """Tell whether all that is below their watermarks is below ours.

    Examples
    --------
    >>> covers({0: Watermark("", "", 5)}, {0: Watermark("", "", 5)}), covers({}, {})
    (True, True)
    >>> covers({0: Watermark("", "", 5)}, {0: Watermark("", "", 6)})
    False
    """
    return all(
        partition in ours
        and ours[partition].next_offset >= mark.next_offset
        # Kafka's have no keys.
        and (not ours[partition].last_key or ours[partition].last_key >= mark.last_key)
        for partition, mark in theirs.items()
    )


def furthest(first: Watermarks, second: Watermarks) -> dict[int, Watermark]:
    """Return the higher watermark of each partition."""
    return {**first, **ahead_of(second, first)}


def ahead_of(ours: Watermarks, theirs: Watermarks) -> dict[int, Watermark]:
    """Return those of ours that are higher than theirs."""
    return {
        partition: mark
        for partition, mark in ours.items()
        if partition not in theirs or mark.next_offset > theirs[partition].next_offset
    }


def not_covered(missed: Watermarks, by: Watermarks) -> dict[int, Watermark]:
    """Return those of some that others do not cover."""
    return {
        partition: mark for partition, mark in missed.items() if not covers(by, {partition: mark})
    }
