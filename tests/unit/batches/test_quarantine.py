"""What is set aside is kept with its reason, and counted."""

import json

import pandas as pd

from mlproject.batches import quarantine
from mlproject.batches.keys import BatchKey, rejected_rows, unreadable
from mlproject.core import columns as c
from mlproject.testing import MemoryStore

KEY = str(BatchKey(0, 100))


def test_rejected_rows_keep_their_reason(store: MemoryStore) -> None:
    quarantine.keep_rejected(store, KEY, pd.DataFrame({c.USER_ID: [-1], c.REASON: ["negative"]}))
    assert json.loads(store.objects[rejected_rows(KEY)]) == {c.USER_ID: -1, c.REASON: "negative"}


def test_a_mark_tells_why_and_can_be_taken_away(store: MemoryStore) -> None:
    quarantine.mark_unreadable(store, KEY, "cut off", "tag")
    mark = json.loads(store.objects[unreadable(KEY)])
    assert mark == {"key": KEY, "reason": "cut off", "etag": "tag"}
    assert list(quarantine.marked(store)) == [KEY]
    quarantine.unmark(store, KEY)
    quarantine.unmark(store, KEY)
    assert list(quarantine.marked(store)) == []


def test_both_are_counted(store: MemoryStore) -> None:
    for offset in range(3):
        quarantine.mark_unreadable(store, str(BatchKey(0, offset)), "cut off", "tag")
    quarantine.keep_rejected(store, KEY, pd.DataFrame({c.REASON: ["negative"]}))
    store.put("quarantine/catalogue/other.rejected.jsonl", b"")
    assert quarantine.count_quarantined(store) == quarantine.QuarantineCounts(1, 3)
