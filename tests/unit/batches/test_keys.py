"""Keys: built and parsed by one module, and their order is the order of offsets."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlproject.batches import keys
from mlproject.batches.keys import BatchKey

PARTITIONS = st.integers(0, 10_000)
OFFSETS = st.integers(0, 2**63 - 1)


@given(PARTITIONS, OFFSETS, st.sampled_from(["parquet", "snappy.parquet", "avro"]))
def test_a_key_that_was_written_is_read_back(partition: int, offset: int, ending: str) -> None:
    key = BatchKey(partition, offset, ending)
    assert BatchKey.parse(str(key)) == key


@given(PARTITIONS, OFFSETS, OFFSETS)
def test_keys_sort_as_their_offsets(partition: int, first: int, second: int) -> None:
    ordered = sorted([first, second])
    assert sorted(str(BatchKey(partition, offset)) for offset in ordered) == [
        str(BatchKey(partition, offset)) for offset in ordered
    ]


@given(PARTITIONS, OFFSETS)
def test_a_batch_lies_under_its_partitions_prefix(partition: int, offset: int) -> None:
    key = str(BatchKey(partition, offset))
    assert key.startswith(keys.partition_prefix(partition))
    assert key.startswith(keys.BATCHES)


@pytest.mark.parametrize("digits", [10, 20])
def test_the_paddings_of_confluent_and_of_aiven_are_read(digits: int) -> None:
    key = f"topics/ratings/partition=3/ratings+3+{1200:0{digits}d}.parquet"
    assert BatchKey.parse(key) == BatchKey(3, 1200)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "topics/ratings/",
        "topics/other/partition=0/other+0+00000000000000000000.parquet",
        "topics/ratings/partition=0/other+0+00000000000000000000.parquet",
        "topics/ratings/partition=0/ratings+1+00000000000000000000.parquet",
        "topics/ratings/partition=0/ratings+0+-1.parquet",
        "topics/ratings/partition=0/ratings+0+12",
        "topics/ratings/partition=0/ratings+0+12.",
        "topics/ratings/partition=0/ratings+0+12.parquet\n",
        "topics/ratings/partition=0/deeper/ratings+0+12.parquet",
        "x/topics/ratings/partition=0/ratings+0+12.parquet",
        keys.rejected_rows(str(BatchKey(0, 12))),
        "catalogue/shows.parquet",
    ],
)
def test_a_key_of_anything_else_is_none(key: str) -> None:
    assert BatchKey.parse(key) is None


@given(st.text())
def test_garbage_is_none(text: str) -> None:
    assume(not text.startswith(keys.BATCHES))
    assert BatchKey.parse(text) is None
    assert BatchKey.parse(keys.BATCHES + text) is None


def test_rejected_rows_lie_outside_the_batches() -> None:
    assert keys.rejected_rows("topics/ratings/x.parquet") == (
        "quarantine/topics/ratings/x.parquet.rejected.jsonl"
    )


@given(st.integers(0, 99), st.integers(0, 10**18))
def test_a_mark_names_its_batch(partition: int, offset: int) -> None:
    key = str(BatchKey(partition, offset))
    assert keys.marked_batch(keys.unreadable(key)) == key
    assert keys.marked_batch(keys.rejected_rows(key)) is None
    assert keys.unreadable(key).startswith(f"{keys.QUARANTINE}{keys.BATCHES}")
