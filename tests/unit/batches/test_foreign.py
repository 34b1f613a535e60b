"""What is among the batches and is none is counted and named."""

import pytest

from mlproject.batches.foreign import survey
from mlproject.testing import MemoryStore
from tests.rating_rows import put

FOREIGN = [
    "topics/ratings/year=2024/month=01/day=02/ratings+0+0000000000.json",
    "topics/ratings/ratings-0-00000000000000000000.jsonl",
    "topics/ratings/partition=0/ratings+0+00000000000000000000.JSON",
    "topics/ratings/partition=0/deeper/ratings+0+00000000000000000000.json",
    "topics/ratings/partition=0/ratings+1+00000000000000000000.json",
    "topics/ratings/partition=0/part-00000.snappy.parquet",
]


@pytest.mark.parametrize("key", FOREIGN)
def test_a_foreign_object_is_named_with_what_to_do(store: MemoryStore, key: str) -> None:
    put(store, 0, 0)
    store.put(key, b"{}")
    found = survey(store)
    assert (found.batches, found.foreign, found.examples) == (1, 1, (key,))
    assert key in found.sentence
    assert "topics/ratings/partition=0/ratings+0+00000000000000000000.jsonl.gz" in found.sentence


def test_batches_of_any_format_and_folders_are_not_foreign(store: MemoryStore) -> None:
    put(store, 0, 0)
    store.put("topics/ratings/partition=1000/ratings+1000+00000000000000000000.jsonl", b"{}")
    store.put("topics/ratings/partition=0/", b"")
    found = survey(store)
    assert (found.batches, found.foreign, found.sentence) == (2, 0, "")


def test_a_few_are_named_and_all_counted(store: MemoryStore) -> None:
    for key in FOREIGN:
        store.put(key, b"{}")
    found = survey(store)
    assert (found.foreign, len(found.examples)) == (len(FOREIGN), 3)
