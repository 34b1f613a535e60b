"""Several builders at once, as processes: one wins each switch, the others say so and go on."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkServerContext
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.core.errors import AlreadyRunningError
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store
from mlproject.snapshot import ingest as module
from mlproject.snapshot import lease as leasing
from mlproject.snapshot.ingest import IngestLimits, ingest
from mlproject.snapshot.keys import LEASE, SEGMENTS
from mlproject.snapshot.lease import Timing, lease
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.switch import current, read_manifest
from tests.rating_rows import many
from tests.servers import S3Server, wait_until

BUILDERS = 3
LIMITS = IngestLimits(threads=2, delta_share=0.3, delta_segments=5)
ROWS = 40


@dataclass(frozen=True)
class Place:
    """A store that each process opens for itself, and how long its tests take."""

    open: Callable[[], ObjectStore]
    rounds: int
    timing: Timing
    uses_lease: bool = False


def open_bucket(server: S3Server, bucket: str) -> S3Store:
    return S3Store(bucket, server.client())


@pytest.fixture(params=["local", "rclone", "minio"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    timing = Timing(seconds=5, settle_seconds=0.3)
    if request.param == "local":
        return Place(partial(LocalStore, tmp_path), 30, timing)
    server: S3Server = request.getfixturevalue(f"{request.param}_server")
    store: S3Store = request.getfixturevalue(f"{request.param}_store")
    slow = request.param == "rclone"  # which asks for a lease each time
    open_it = partial(open_bucket, server, store.bucket)
    return Place(open_it, 10 if slow else 20, timing, uses_lease=slow)


@pytest.fixture
def processes() -> ForkServerContext:
    # A process that has loaded everything forks the others, which saves their imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlproject.snapshot.ingest", "tests.integration"])
    return context


def add_batch(store: ObjectStore, number: int) -> None:
    key = BatchKey(number % 2, number * ROWS)
    store.put(str(key), encode_ratings(many(ROWS, seed=number)))


def build(place: Place, start: Any, outcomes: Any) -> None:
    """Ingest once a round, together with the others; tell each outcome."""
    leasing.lease = partial(lease, timing=place.timing)
    store, state = place.open(), None
    for _ in range(place.rounds):
        start.wait(60)
        try:
            state, report = ingest(store, state, LIMITS)
            if report.read.batches:
                outcomes.put(report.generation)
        except AlreadyRunningError as error:
            outcomes.put(str(error))
        except BaseException:
            start.abort()
            raise
        start.wait(60)


@pytest.mark.timeout(240)
def test_each_switch_is_won_by_one(place: Place, processes: ForkServerContext) -> None:
    """In every round all start at once, while a batch more comes in."""
    store = place.open()
    start, outcomes = processes.Barrier(BUILDERS + 1), processes.SimpleQueue()
    builders = [
        processes.Process(target=build, args=(place, start, outcomes)) for _ in range(BUILDERS)
    ]
    for builder in builders:
        builder.start()
    said: list[int | str] = []
    for number in range(place.rounds):
        add_batch(store, 2 * number)
        start.wait(60)
        add_batch(store, 2 * number + 1)
        start.wait(60)
        while not outcomes.empty():
            said.append(outcomes.get())
    for builder in builders:
        builder.join(30)
        assert builder.exitcode == 0

    won = [outcome for outcome in said if isinstance(outcome, int)]
    lost = [outcome for outcome in said if isinstance(outcome, str)]
    assert sorted(won) == list(range(1, len(won) + 1)), "no switch is won twice, none is lost"
    assert len(won) >= place.rounds
    assert lost, "they did meet"
    assert all(text.startswith("another ingest ") for text in lost)

    state, report = ingest(store, None, LIMITS)
    rebuilt, compared = rebuild(store)
    assert compared.equal
    assert state.digest == rebuilt.digest
    assert report.totals == compared.read, "every batch counts once"
    assert compared.read.batches == 2 * place.rounds
    before = named(store)
    add_batch(store, 2 * place.rounds)
    ingest(store, state)
    assert {info.key for info in store.list(SEGMENTS)} <= before | named(store)
    assert not list(store.list(LEASE))


def named(store: ObjectStore) -> set[str]:
    manifest = read_manifest(store).manifest
    assert manifest
    return {info.key for info in manifest.segments}


def hold(place: Place) -> None:
    """Begin an ingest, and stay in the middle of it."""
    leasing.lease = partial(lease, timing=place.timing)
    store = place.open()

    def stay(*_: object) -> None:
        store.put("reached", b"")
        time.sleep(600)

    module.fetch = stay  # type: ignore[assignment, attr-defined]
    ingest(store)


def test_another_goes_on_after_one_was_killed_in_the_middle(
    place: Place, processes: ForkServerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "lease", partial(lease, timing=place.timing))
    store = place.open()
    add_batch(store, 0)
    ingest(store)
    add_batch(store, 1)
    victim = processes.Process(target=hold, args=(place,))
    victim.start()
    wait_until(lambda: store.get("reached") is not None, 30, "the middle of an ingest")
    killed = time.time()
    victim.kill()
    victim.join()
    assert victim.exitcode == -SIGKILL
    assert (store.get(LEASE) is not None) == place.uses_lease
    if place.uses_lease:
        with pytest.raises(AlreadyRunningError, match="another ingest works on s3://"):
            ingest(store)
        wait_until(lambda: time.time() > killed + place.timing.seconds, 30, "the lease's end")
    state, report = ingest(store)
    assert report.generation == 2
    assert current(store)[1].digest == state.digest
    assert rebuild(store)[1].equal
