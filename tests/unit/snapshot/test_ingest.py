"""An ingest reads what is new, survives what comes, and gives what one reading of all gives."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.batches.keys import BATCHES, FORGOTTEN, BatchKey
from mlproject.batches.progress import Totals
from mlproject.batches.quarantine import marked
from mlproject.core.errors import AlreadyRunningError, DataError
from mlproject.core.ports import ObjectInfo
from mlproject.objects.local import LocalStore
from mlproject.snapshot import ingest as module
from mlproject.snapshot import lease as lease_module
from mlproject.snapshot.ingest import IngestLimits, ingest
from mlproject.snapshot.keys import LEASE, MANIFEST, SEGMENTS
from mlproject.snapshot.lease import Renew, Timing, lease
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import current, read_manifest
from mlproject.testing import MemoryStore
from tests.rating_rows import ROWS, Row, batch, put, rows, winners


class WatchedStore(MemoryStore):
    """Notes which objects are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.read.append(key)
        return super().get(key)

    @property
    def batches_read(self) -> list[str]:
        found = sorted(key for key in self.read if key.startswith(BATCHES))
        self.read = []
        return found


def manifest_of(store: MemoryStore) -> Manifest:
    manifest = read_manifest(store).manifest
    assert manifest
    return manifest


def test_an_empty_store_has_no_snapshot(store: MemoryStore) -> None:
    state, report = ingest(store)
    assert (len(state), report.generation, report.read) == (0, 0, Totals())
    assert store.objects == {}


def test_only_new_batches_are_read() -> None:
    store = WatchedStore()
    put(store, 0, 0)
    put(store, 1, 500)
    state, first = ingest(store)
    assert first.read == Totals(batches=2, events=20)
    assert len(store.batches_read) == 2
    new = [put(store, 0, 10), put(store, 2, 0, first=900)]
    state, second = ingest(store, state)
    assert store.batches_read == new
    assert (second.read, second.totals) == (
        Totals(batches=2, events=20),
        Totals(batches=4, events=40),
    )
    assert len(state) == 40
    state, third = ingest(store, state)
    assert store.batches_read == []
    assert (third.read, third.generation) == (Totals(), second.generation)


def test_a_report_tells_how_late_batches_came_and_how_long_they_waited(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    now = time.time()
    for offset, late, waited in ((0, 5, 60), (1, 20, 40), (2, 10, 0)):
        key = str(BatchKey(0, offset))
        rated = round(1000 * (now - waited - late))
        store.put(key, batch((offset, 1, 5, rated, 0, offset)))
        os.utime(tmp_path / key, (now - waited, now - waited))
    _, report = ingest(store, limits=IngestLimits(batches_per_commit=1))
    assert report.to_bucket == pytest.approx(20, abs=0.01)
    assert 60 <= report.in_bucket < 90
    assert ingest(store)[1].in_bucket == 0


def test_a_first_ingest_is_cut_by_batches_and_by_bytes(store: MemoryStore) -> None:
    for offset in range(4):
        store.put(str(BatchKey(0, offset)), batch((offset, 1, 5, 1000, 0, offset)))
    size = max(map(len, store.objects.values()))
    for limits, commits in (
        (IngestLimits(), 1),
        (IngestLimits(batches_per_commit=2), 2),
        (IngestLimits(bytes_per_commit=2 * size), 2),
        (IngestLimits(bytes_per_commit=1), 4),
    ):
        place = MemoryStore(dict(store.objects))
        state, report = ingest(place, limits=limits)
        assert (report.generation, len(state), report.read.batches) == (commits, 4, 4)


def test_a_cycle_with_nothing_new_writes_nothing(store: MemoryStore) -> None:
    put(store, 0, 0)
    state, _ = ingest(store)
    before = dict(store.objects)
    same, _ = ingest(store, state)
    assert same is state
    assert store.objects == before


def test_segments_are_read_only_by_a_process_that_starts() -> None:
    store = WatchedStore()
    put(store, 0, 0)
    state, _ = ingest(store)
    store.read = []
    kept, _ = ingest(store, state)
    assert store.read == [MANIFEST, FORGOTTEN]
    loaded, _ = ingest(store)
    assert any(key.startswith(SEGMENTS) for key in store.read)
    assert rows(loaded.ratings) == rows(kept.ratings)


def test_a_state_that_is_out_of_date_is_not_used(store: MemoryStore) -> None:
    put(store, 0, 0)
    old, _ = ingest(store)
    put(store, 0, 10)
    ingest(store)  # another process
    put(store, 0, 20)
    state, _ = ingest(store, old)
    assert len(state) == 30
    assert state.digest == rebuild(store)[0].digest


@settings(max_examples=25, deadline=None)
@given(
    given_rows=ROWS.filter(bool),
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    per_commit=st.integers(1, 3),
    keep=st.booleans(),
)
def test_order_repetition_and_split_of_batches_do_not_matter(
    given_rows: list[Row], seed: int, cuts: list[int], per_commit: int, *, keep: bool
) -> None:
    events = [(u, s, r, abs(at), high, low) for u, s, r, at, high, low in given_rows]
    rng = random.Random(seed)
    stream = events + rng.choices(events, k=len(events) // 2)
    rng.shuffle(stream)
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    store = MemoryStore()
    state = None
    limits = IngestLimits(2, per_commit, delta_share=0.5, delta_segments=2)
    for start, end in pairwise(edges):
        store.put(str(BatchKey(rng.randrange(3), start)), batch(*stream[start:end]))
        if rng.random() < 0.6:
            state, _ = ingest(store, state if keep else None, limits)
    state, report = ingest(store, state if keep else None, limits)
    assert rows(state.ratings) == winners(events)
    assert report.totals.events == len(stream)
    loaded = current(store)[1]
    assert rows(loaded.ratings) == rows(state.ratings)
    assert (loaded.users, loaded.digest) == (state.users, state.digest)
    manifest = manifest_of(store)
    counts = (manifest.rows, manifest.users, manifest.shows, manifest.digest)
    assert counts == (len(state), state.users, len(state.show_ids), state.digest.text)
    rebuilt, compared = rebuild(store)
    assert compared.equal
    assert rebuilt.digest == RatingsState.of(state.ratings).digest


def test_deltas_become_a_base_when_they_have_grown(store: MemoryStore) -> None:
    put(store, 0, 0, count=100)
    state, report = ingest(store)
    assert report.compacted
    for offset in (100, 110):
        put(store, 0, offset)
        state, report = ingest(store, state)
        assert not report.compacted
    put(store, 0, 120, count=1)
    state, report = ingest(store, state)
    assert report.compacted, "21 of 100"
    manifest = manifest_of(store)
    assert ([info.rows for info in manifest.base], manifest.deltas) == ([121], ())


def test_many_small_deltas_become_a_base_too(store: MemoryStore) -> None:
    put(store, 0, 0, count=1000)
    state, _ = ingest(store, None)
    compacted = []
    for number in range(4):
        put(store, 0, 1000 + number, count=1)
        state, report = ingest(store, state, IngestLimits(delta_segments=3))
        compacted.append(report.compacted)
    assert compacted == [False, False, False, True]


def test_repeats_move_the_watermark_and_write_no_segment(store: MemoryStore) -> None:
    put(store, 0, 0)
    state, _ = ingest(store)
    put(store, 1, 0)
    before = list(store.list(SEGMENTS))
    same, report = ingest(store, state)
    assert same is state
    assert (report.superseded, report.fresh, report.generation) == (10, 0, 2)
    assert list(store.list(SEGMENTS)) == before
    assert ingest(store, state)[1].read == Totals()


def test_a_batch_written_again_with_more_rows_is_read_again(store: MemoryStore) -> None:
    put(store, 0, 0, count=5)
    state, _ = ingest(store)
    put(store, 0, 0, count=8)
    state, _ = ingest(store, state)
    assert len(state) == 8


def test_unreadable_batches_are_marked_counted_and_not_read_again() -> None:
    store = WatchedStore()
    put(store, 0, 0)
    bad = str(BatchKey(0, 10))
    store.put(bad, b"PAR1 cut off")
    put(store, 0, 20)
    state, report = ingest(store)
    assert report.read == Totals(batches=2, unreadable=1, events=20)
    assert list(marked(store)) == [bad]
    store.read = []
    ingest(store, state)
    assert store.batches_read == []


def test_one_at_the_watermark_written_again_loses_its_mark(store: MemoryStore) -> None:
    bad = str(BatchKey(0, 0))
    store.put(bad, b"PAR1 cut off")
    state, _ = ingest(store)
    assert list(marked(store)) == [bad]
    put(store, 0, 0)
    state, _ = ingest(store, state)
    assert (len(state), list(marked(store))) == (10, [])


def test_folder_placeholders_and_foreign_objects_are_passed_over(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / BATCHES / "partition=0" / "empty").mkdir(parents=True)
    (tmp_path / BATCHES / "partition=7").mkdir()
    store.put(f"{BATCHES}partition=0/_SUCCESS", b"")
    store.put(str(BatchKey(0, 0)), batch((1, 1, 5, 0, 0, 1)))
    state, report = ingest(store)
    assert (len(state), report.read) == (1, Totals(batches=1, events=1))


@pytest.mark.parametrize("content", [b"", b"{}", b"not json"])
def test_a_damaged_manifest_says_how_to_mend_it(store: MemoryStore, content: bytes) -> None:
    put(store, 0, 0)
    ingest(store)
    store.put(MANIFEST, content)
    with pytest.raises(DataError, match="tvrec dataset rebuild"):
        ingest(store)


def test_segments_that_are_not_what_the_manifest_says_are_refused(store: MemoryStore) -> None:
    put(store, 0, 0)
    state, _ = ingest(store)
    store.put(MANIFEST, store.objects[MANIFEST].replace(state.digest.text.encode(), b"0" * 32))
    with pytest.raises(DataError, match="differ from the manifest"):
        ingest(store)


class MeetingStore(MemoryStore):
    """Lets two builders see the same manifest before either goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = Barrier(1)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        if prefix == BATCHES and not start_after:
            self.barrier.wait(10)
        yield from super().list(prefix, start_after)


def test_of_two_at_once_one_wins_and_the_other_says_so() -> None:
    store = MeetingStore()
    put(store, 0, 0)
    ingest(store)
    for offset in (10, 20, 30):
        put(store, 0, offset)
    store.barrier = Barrier(2)
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(len(ingest(store)[0]))
        except AlreadyRunningError as error:
            outcomes.append(error)

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [out for out in outcomes if isinstance(out, int)] == [40]
    (error,) = (out for out in outcomes if isinstance(out, AlreadyRunningError))
    assert "another ingest" in str(error)
    store.barrier = Barrier(1)
    state, report = ingest(store)
    assert (len(state), report.totals) == (40, Totals(batches=4, events=40))
    assert rebuild(store)[1].equal


def test_a_lease_guards_a_server_that_ignores_conditions(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.conditional = False
    at_once = partial(lease, timing=Timing(settle_seconds=0))
    monkeypatch.setattr(lease_module, "lease", at_once)
    put(store, 0, 0)
    seen_leases = []
    inner = module.fetch
    monkeypatch.setattr(
        module, "fetch", lambda *args: (seen_leases.append(LEASE in store.objects), inner(*args))[1]
    )
    ingest(store)
    assert seen_leases == [True]
    assert LEASE not in store.objects
    store.put(LEASE, b'{"holder": "other", "expires": 1e18}')
    put(store, 0, 10)
    with pytest.raises(AlreadyRunningError):
        ingest(store)
    assert len(current(store)[1]) == 10


def test_a_lease_that_comes_after_another_switch_is_no_right_to_overwrite_it(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reads the manifest; another takes the lease, switches, gives it back; one goes on."""
    store.conditional = False
    monkeypatch.setattr(lease_module, "lease", partial(lease, timing=Timing(settle_seconds=0)))
    put(store, 0, 0)
    ingest(store)
    put(store, 0, 10)
    inner = module.only_builder
    others = []

    def after_another(of: MemoryStore) -> AbstractContextManager[Renew]:
        monkeypatch.setattr(module, "only_builder", inner)
        put(store, 1, 500)
        others.append(ingest(of)[0])
        return inner(of)

    monkeypatch.setattr(module, "only_builder", after_another)
    with pytest.raises(AlreadyRunningError, match="another ingest has switched"):
        ingest(store)
    assert rows(current(store)[1].ratings) == rows(others[0].ratings)


class Killed(BaseException):
    """Nothing catches it."""


class CrashingStore(MemoryStore):
    """Fails for good at one of its writes, before or after it."""

    crash_at = -1

    def put(self, key: str, content: bytes) -> None:
        self._count()
        super().put(key, content)

    def delete(self, key: str) -> None:
        self._count()
        super().delete(key)

    def _count(self) -> None:
        self.crash_at -= 1
        if self.crash_at == 0:
            raise Killed


@pytest.mark.parametrize("crash_at", range(1, 7))
def test_a_crash_before_any_write_leaves_a_usable_snapshot(crash_at: int) -> None:
    store = CrashingStore()
    limits = IngestLimits(threads=1, batches_per_commit=2, delta_segments=1)
    state = None
    for offset in range(0, 60, 10):
        put(store, 0, offset)
        store.put(str(BatchKey(1, offset)), b"unreadable")
        store.crash_at = crash_at if offset == 40 else -1
        try:
            state, _ = ingest(store, state, limits)
        except Killed:
            store.crash_at = -1
            state = None
            assert len(current(store)[1]) in {40, 50}
        store.crash_at = -1
    state, report = ingest(store, None, limits)
    assert report.totals == Totals(batches=6, unreadable=6, events=60)
    assert rebuild(store)[1].equal
    before = manifest_of(store).segments
    put(store, 0, 60)
    ingest(store, state)
    named = {info.key for info in before + manifest_of(store).segments}
    assert {info.key for info in store.list(SEGMENTS)} <= named, "what a crash left is gone"
