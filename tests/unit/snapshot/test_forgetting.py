"""The snapshot forgets, whatever a builder does at the same time."""

import pytest

from mlproject.batches.forgotten import add_forgotten
from mlproject.batches.keys import BatchKey
from mlproject.core.errors import AlreadyRunningError
from mlproject.core.forgotten import Forgotten
from mlproject.core.ports import ObjectStore
from mlproject.objects.s3 import S3Store
from mlproject.snapshot import ingest as ingest_module
from mlproject.snapshot.forgetting import remove_forgotten
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.keys import MANIFEST, SEGMENTS
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.segments import encode_segment
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import current, read_manifest
from mlproject.testing import MemoryStore
from tests.rating_rows import Row, batch, columns, rows

MINE: list[Row] = [(7, 1, 5, 100, 0, 1), (7, 2, 6, 200, 0, 2)]
OTHERS: list[Row] = [(6, 1, 5, 100, 0, 3), (8, 1, 5, 100, 0, 4)]
LATER: Row = (7, 3, 9, 900, 0, 5)
MOMENT = 500


def put(store: ObjectStore, offset: int, *given: Row) -> str:
    key = str(BatchKey(0, offset))
    store.put(key, batch(*given))
    return key


def forgotten(store: ObjectStore) -> Forgotten:
    return add_forgotten(store, 7, MOMENT)


def segments(store: ObjectStore) -> set[str]:
    return {info.key for info in store.list(SEGMENTS)}


def named(store: ObjectStore) -> set[str]:
    manifest = read_manifest(store).manifest
    return {info.key for info in manifest.segments} if manifest else set()


def no_sleep(_: float) -> None:
    raise AssertionError("there is nobody to wait for")


def test_all_segments_with_the_ratings_are_gone(store: MemoryStore) -> None:
    put(store, 0, *MINE, *OTHERS)
    ingest(store)
    put(store, 4, LATER)
    ingest(store)
    before = segments(store)
    assert remove_forgotten(store, forgotten(store), {}, no_sleep) == 2
    assert rows(current(store)[1].ratings) == [OTHERS[0], LATER, OTHERS[1]]
    assert segments(store) == named(store)
    assert segments(store).isdisjoint(before)


def test_again_there_is_nothing_to_remove(store: MemoryStore) -> None:
    put(store, 0, *MINE, *OTHERS)
    ingest(store)
    remove_forgotten(store, forgotten(store), {}, no_sleep)
    assert remove_forgotten(store, forgotten(store), {}, no_sleep) == 0


def test_what_a_killed_builder_left_is_gone(store: MemoryStore) -> None:
    put(store, 0, *MINE, *OTHERS)
    ingest(store)
    info, content = encode_segment(columns(MINE), generation=9)
    store.put(info.key, content)
    remove_forgotten(store, forgotten(store), {}, no_sleep)
    assert segments(store) == named(store)


def test_an_ingest_under_way_does_not_bring_them_back(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read the list and the batches before, and commits after."""
    put(store, 0, *OTHERS)
    ingest(store)
    put(store, 2, *MINE)
    write = ingest_module.write_segments

    def forget_in_between(*arguments: object) -> object:
        made = write(*arguments)  # type: ignore[arg-type]
        remove_forgotten(store, forgotten(store), {}, no_sleep)
        return made

    monkeypatch.setattr(ingest_module, "write_segments", forget_in_between)
    with pytest.raises(AlreadyRunningError):
        ingest(store)
    monkeypatch.undo()
    assert segments(store) == named(store), "it has taken its own segments back"
    state, _ = ingest(store)
    assert rows(state.ratings) == OTHERS


def test_nor_does_the_first_ingest_of_all(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0, *MINE, *OTHERS)
    fetch = ingest_module.fetch

    def forget_in_between(*arguments: object) -> object:
        fetched = fetch(*arguments)  # type: ignore[arg-type]
        remove_forgotten(store, forgotten(store), {}, no_sleep)
        return fetched

    monkeypatch.setattr(ingest_module, "fetch", forget_in_between)
    with pytest.raises(AlreadyRunningError):
        ingest(store)
    monkeypatch.undo()
    assert rows(ingest(store)[0].ratings) == OTHERS


def test_a_builder_that_has_them_in_memory_reads_anew(store: MemoryStore) -> None:
    put(store, 0, *MINE, *OTHERS)
    state, _ = ingest(store)
    remove_forgotten(store, forgotten(store), {}, no_sleep)
    assert rows(ingest(store, state)[0].ratings) == OTHERS


def test_what_comes_late_does_not_count_and_leaves_its_batch(store: MemoryStore) -> None:
    put(store, 0, *OTHERS)
    ingest(store)
    remove_forgotten(store, forgotten(store), {}, no_sleep)
    key = put(store, 2, *MINE, LATER)
    state, report = ingest(store)
    assert rows(state.ratings) == [OTHERS[0], LATER, OTHERS[1]]
    assert report.read.events == 1
    assert store.get(key) != batch(*MINE, LATER)
    assert ingest(store, state)[1].read.batches == 0, "the watermark knows the new content"


def test_a_rebuild_obeys_before_the_snapshot_does(store: MemoryStore) -> None:
    put(store, 0, *MINE, *OTHERS)
    ingest(store)
    forgotten(store)
    state, report = rebuild(store)
    assert rows(state.ratings) == OTHERS
    assert report.replaced
    assert report.lost == 0


def test_a_watermark_goes_with_a_batch_that_is_written_anew(store: MemoryStore) -> None:
    key = put(store, 0, *MINE, *OTHERS)
    state, before = ingest(store)
    old = store.etag(key) or ""
    store.put(key, batch(*OTHERS))
    remove_forgotten(store, forgotten(store), {key: (old, store.etag(key) or "")}, no_sleep)
    assert ingest(store, state)[1].totals == before.totals


class Contended(MemoryStore):
    """Others switch the snapshot first, that many times."""

    refusals = 0

    def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
        if key == MANIFEST and self.refusals:
            self.refusals -= 1
            return False
        return super().put_if(key, content, expected)


def test_it_waits_for_another_builder() -> None:
    store = Contended()
    put(store, 0, *MINE)
    ingest(store)
    store.refusals = 2
    waits: list[float] = []
    assert remove_forgotten(store, forgotten(store), {}, waits.append) == 2
    assert len(waits) == 2


def test_others_that_never_end_are_told() -> None:
    store = Contended()
    store.refusals = 1000
    with pytest.raises(AlreadyRunningError):
        remove_forgotten(store, forgotten(store), {}, lambda _: None)


def test_a_server_that_ignores_conditions(rclone_store: S3Store) -> None:
    put(rclone_store, 0, *MINE, *OTHERS)
    ingest(rclone_store)
    assert remove_forgotten(rclone_store, forgotten(rclone_store), {}, no_sleep) == 2
    assert segments(rclone_store) == named(rclone_store)
    assert RatingsState.of(columns(OTHERS)).digest == current(rclone_store)[1].digest
