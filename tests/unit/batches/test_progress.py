"""What reading came to adds up, however the batches were shared out."""

from hypothesis import given
from hypothesis import strategies as st

from mlproject.batches.keys import BatchKey
from mlproject.batches.progress import Delay, Progress, Totals, Watermark

BATCHES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans()), max_size=12)


def read(batches: list[tuple[int, int, bool]]) -> list[Progress]:
    """One progress for each batch; those of a partition in the order of offsets."""
    parts, offsets = [], [0, 0, 0]
    for partition, events, is_readable in batches:
        key = str(BatchKey(partition, offsets[partition]))
        offsets[partition] += max(1, events)
        reached = offsets[partition] if is_readable else 0
        mark = {partition: Watermark(key, "tag", reached)}
        parts.append(
            Progress(mark, Totals(batches=1, events=events), delay=Delay(100 - events, events))
            if is_readable
            else Progress(mark, Totals(unreadable=1), frozenset((key,)))
        )
    return parts


@given(batches=BATCHES, cut=st.integers(0, 12))
def test_parts_may_be_joined_in_any_groups(batches: list[tuple[int, int, bool]], cut: int) -> None:
    parts = read(batches)
    grouped = Progress.joined([Progress.joined(parts[:cut]), Progress.joined(parts[cut:])])
    assert grouped == Progress.joined(parts)


def test_the_oldest_batch_waited_longest_and_the_latest_one_counts() -> None:
    joined = Progress.joined(read([(0, 5, True), (1, 2, True), (1, 1, False)]))
    assert joined.delay == Delay(written_at=95, to_bucket=5)
    assert joined.delay.in_bucket(now=105) == 10
    assert joined.delay.in_bucket(now=90) == 0, "clocks differ"
    assert Delay().in_bucket(now=105) == 0


def test_a_batch_that_cannot_be_read_does_not_take_the_offset_back() -> None:
    joined = Progress.joined(read([(0, 5, True), (0, 1, False)]))
    assert joined.watermarks[0] == Watermark(str(BatchKey(0, 5)), "tag", 5)
    assert joined.unreadable == {str(BatchKey(0, 5))}
