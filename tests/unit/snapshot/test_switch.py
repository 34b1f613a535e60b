"""The snapshot is switched whole, by one of many, and nothing in use is removed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mlproject.batches.progress import Totals
from mlproject.core.errors import AlreadyRunningError, DataError
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.keys import MANIFEST, SEGMENTS, generation_of
from mlproject.snapshot.manifest import Manifest, SegmentInfo
from mlproject.snapshot.switch import (
    Seen,
    commit,
    newest_generation,
    read_manifest,
    read_snapshot,
    write_segments,
)
from mlproject.testing import MemoryStore
from tests.rating_rows import Row, columns, rows

EMPTY = Manifest(0, (), (), {}, Totals(), 0, 0, 0, "")


def ratings(first: int, count: int = 1) -> RatingColumns:
    return columns([(first + n, 1, 1, 0, 0, 0) for n in range(count)])


def switch(
    store: MemoryStore, seen: Seen, *, base: int | None = None, delta: int | None = None
) -> Seen:
    """Commit a generation with another base, or with one more delta."""
    before = seen.manifest or EMPTY
    generation = seen.generation + 1
    now = replace(before, generation=generation)
    if base is not None:
        now = replace(now, base=write_segments(store, ratings(base), generation), deltas=())
    if delta is not None:
        new = write_segments(store, ratings(delta), generation)
        now = replace(now, deltas=(*before.deltas, *new))
    return commit(store, seen, now)


def generations(store: MemoryStore) -> list[int | None]:
    return [generation_of(info.key) for info in store.list(SEGMENTS)]


def held(store: MemoryStore) -> tuple[list[Row], list[Row]]:
    _, base, deltas = read_snapshot(store)
    return rows(base), rows(deltas)


def test_without_a_manifest_there_is_nothing(store: MemoryStore) -> None:
    assert read_manifest(store) == Seen(None, None)
    assert held(store) == ([], [])
    assert newest_generation(store) == 0


def test_base_and_deltas_come_back(store: MemoryStore) -> None:
    seen = switch(store, Seen(None, None), base=1)
    seen = switch(store, seen, delta=7)
    seen = switch(store, seen, delta=4)
    assert held(store) == (rows(ratings(1)), rows(ratings(7)) + rows(ratings(4)))
    assert read_manifest(store) == seen
    assert newest_generation(store) == 3


def test_many_rows_are_cut_into_segments(store: MemoryStore) -> None:
    written = write_segments(store, ratings(0, count=10), 1, rows=4)
    assert [info.rows for info in written] == [4, 4, 2]
    commit(store, Seen(None, None), replace(EMPTY, generation=1, base=written))
    assert held(store)[0] == rows(ratings(0, count=10))


def test_the_loser_of_a_race_changes_nothing(store: MemoryStore) -> None:
    seen = switch(store, Seen(None, None), base=1)
    switch(store, seen, delta=2)
    before = dict(store.objects)
    with pytest.raises(AlreadyRunningError, match="another ingest"):
        switch(store, seen, delta=3)
    assert store.objects == before, "segments may hold ratings that are to be forgotten"


def test_old_segments_stay_for_one_generation(store: MemoryStore) -> None:
    seen = switch(store, Seen(None, None), base=1)
    seen = switch(store, seen, delta=2)
    seen = switch(store, seen, base=3)
    assert generations(store) == [1, 2, 3], "a slow reader may still be at them"
    seen = switch(store, seen, delta=4)
    assert generations(store) == [3, 4]


def test_what_a_killed_one_left_is_removed_and_what_a_later_one_writes_is_not(
    store: MemoryStore,
) -> None:
    seen = switch(store, Seen(None, None), base=1)
    write_segments(store, ratings(50), 2)  # killed before its switch
    write_segments(store, ratings(60), 3)  # at work on the next generation
    store.put(f"{SEGMENTS}note.txt", b"foreign")
    switch(store, seen, delta=2)
    assert generations(store) == [1, 2, 3, None]


def damaged(store: MemoryStore, key: str) -> None:
    store.put(key, store.objects[key][:-1])


@pytest.mark.parametrize("harm", [damaged, MemoryStore.delete])
def test_a_damaged_segment_is_said_to_be_so(
    store: MemoryStore, harm: Callable[[MemoryStore, str], None]
) -> None:
    seen = switch(store, Seen(None, None), base=1)
    assert seen.manifest
    harm(store, seen.manifest.base[0].key)
    with pytest.raises(DataError, match="segment"):
        read_snapshot(store)


def test_a_reader_that_is_overtaken_starts_again() -> None:
    class Overtaken(MemoryStore):
        """Switches twice after the manifest has been read for the first time."""

        overtaken = False

        def get(self, key: str) -> bytes | None:
            content = super().get(key)
            if key == MANIFEST and not self.overtaken:
                self.overtaken = True
                switch(self, switch(self, read_manifest(self), base=2), base=3)
            return content

    store = Overtaken()
    store.overtaken = True
    switch(store, Seen(None, None), base=1)
    store.overtaken = False
    assert held(store) == (rows(ratings(3)), [])


def test_a_commit_overtaken_at_once_does_not_pass_the_others_tag_for_its_own() -> None:
    class Overtaken(MemoryStore):
        def put(self, key: str, content: bytes) -> None:
            super().put(key, content)
            if key == MANIFEST:
                super().put(key, replace(EMPTY, generation=9).encoded())

    with pytest.raises(AlreadyRunningError):
        switch(Overtaken(), Seen(None, None), base=1)


def test_segment_infos_are_those_of_the_objects(store: MemoryStore) -> None:
    (info,) = write_segments(store, ratings(1), 1)
    assert isinstance(info, SegmentInfo)
    assert len(store.objects[info.key]) == info.size
