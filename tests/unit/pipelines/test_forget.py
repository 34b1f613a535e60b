"""A person leaves, and no byte of theirs stays; others are as if nothing had been."""

import json
import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import FORGOTTEN, BatchKey, rejected_rows
from mlproject.batches.log import BatchRatingLog
from mlproject.batches.sink import BatchSink
from mlproject.core.errors import RequestError
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.exposures import Exposure
from mlproject.exposures.records import encode, new_key
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store
from mlproject.pipelines.forget import Receipt, forget, remainders
from mlproject.pipelines.stream_note import StreamNote
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.rebuild import rebuild
from mlproject.snapshot.switch import current
from mlproject.testing import MemoryStore
from tests import builders
from tests.following import worker
from tests.search_bytes import where_found
from tests.unit.histories.conftest import settle

pytestmark = builders.PYARROW_AND_PANDAS

USER = 7_350_927_146_381
NOW = datetime(2026, 5, 1, tzinfo=UTC)
RANDOM = Random(1)
IDS = [str(UUID(int=RANDOM.getrandbits(128))) for _ in range(20)]


def of_user(first: int = 0, count: int = 4) -> builders.RatingFrame:
    """Ratings by the user and by others, in turn."""
    users = [USER if place % 2 else place for place in range(first, first + count)]
    return builders.ratings(count, first=first, user_id=users, event_id=IDS[first : first + count])


def put(store: LocalStore | S3Store, offset: int, ending: str) -> None:
    key = BatchKey(0, offset, ending)
    store.put(str(key), encode_batch(key, of_user(offset)))


def forgotten(store: LocalStore | S3Store, folder: Path, user: int = USER) -> Receipt:
    histories = worker(folder)
    return forget(store, histories._copies, user, NOW)


def mine() -> list[str]:
    return IDS[1::2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder in which the user's ratings are in every place there is."""
    store = LocalStore(tmp_path / "store")
    for place, ending in enumerate(("jsonl", "jsonl.gz", "parquet")):
        put(store, 4 * place, ending)
    bad = {"user_id": USER, "show_id": "none", "event_id": IDS[13]}
    store.put(str(BatchKey(0, 12, "jsonl")), f"{json.dumps(bad)}\n".encode())
    ingest(store)
    rejected = f'{{"userId":"{USER}"}}\n{{"userId":"3"}}\n'
    store.put(rejected_rows("files/mine.csv"), rejected.encode())
    settle(worker(tmp_path))
    put(store, 13, "jsonl")  # not ingested yet
    shown = [Exposure(user, 1000, version=1, shows=[2]) for user in (USER, 3)]
    store.put(new_key(1000), encode(shown))
    ingest(store)
    return tmp_path


def test_the_search_finds_the_user_everywhere_before(folder: Path) -> None:
    found = {Path(path).parts[0:2] for path in where_found(folder, USER, mine())}
    assert found >= {("store", "topics"), ("store", "snapshots"), ("store", "quarantine")}
    assert ("store", "exposures") in found
    assert any(path.startswith("histories/") for path in where_found(folder, USER, mine()))


def test_no_byte_of_the_user_is_left(folder: Path) -> None:
    store = LocalStore(folder / "store")
    left = store.root / "topics" / ".unfinished-x"
    left.write_bytes(str(USER).encode())
    os.utime(left, (0, 0))
    receipt = forgotten(store, folder)
    assert where_found(folder, USER, mine()) == []
    assert receipt.in_batches == 9
    assert receipt.in_quarantine == 2
    assert receipt.in_snapshot == 6
    assert receipt.in_copies == 6
    assert receipt.exposures == 1
    assert receipt.batches == 5
    assert receipt.unreadable == ()


def test_the_others_are_as_they_were(folder: Path) -> None:
    store = LocalStore(folder / "store")
    before = current(store)[1]
    forgotten(store, folder)
    after = current(store)[1]
    others = before.without(before.ratings.user_id == USER)
    assert after.digest == others.digest
    assert rebuild(store)[1].equal, "the batches say the same as the snapshot"
    assert ingest(store, after)[1].read.batches == 0, "nothing is read again"
    assert store.get(rejected_rows("files/mine.csv")) == b'{"userId":"3"}\n'


def test_again_it_finds_nothing(folder: Path) -> None:
    store = LocalStore(folder / "store")
    forgotten(store, folder)
    again = forgotten(store, folder)
    assert (again.in_batches, again.in_quarantine, again.in_snapshot, again.in_copies) == (0,) * 4


def test_a_user_who_never_rated_is_forgotten_all_the_same(folder: Path) -> None:
    store = LocalStore(folder / "store")
    before = current(store)[1].digest
    receipt = forgotten(store, folder, user=999)
    assert (receipt.in_batches, receipt.in_snapshot) == (0, 0)
    assert current(store)[1].digest == before


def test_writers_go_on_where_they_were(folder: Path) -> None:
    """Also when the last event of all is one of the user's."""
    store = LocalStore(folder / "store")
    position = BatchSink(store).position
    log = BatchRatingLog(store)
    with closing(log):
        log.append(event(NOW - timedelta(days=1))).result(5)
    forgotten(store, folder)
    assert BatchSink(store).position == position
    again = BatchRatingLog(store)
    with closing(again):
        assert again.append(event(NOW + timedelta(days=1))).result(5).offset == 1


def test_who_rates_again_is_a_new_person(folder: Path) -> None:
    store = LocalStore(folder / "store")
    forgotten(store, folder)
    log = BatchRatingLog(store)
    with closing(log):
        log.append(event(NOW + timedelta(seconds=1))).result(5)
        log.append(event(NOW - timedelta(seconds=1), show=3)).result(5)
    state, _ = ingest(store)
    assert state.of_user(USER).show_ids.tolist() == [2]
    histories = worker(folder)
    settle(histories)
    assert histories.of(USER).ratings.show_ids.tolist() == [2]
    histories.close()


def test_a_clock_that_is_fast_keeps_nobody(folder: Path) -> None:
    """A rating of tomorrow is accepted; it is gone too, though it calls itself later."""
    store = LocalStore(folder / "store")
    log = BatchRatingLog(store)
    with closing(log):
        log.append(event(NOW + timedelta(hours=5))).result(5)
    ingest(store)
    receipt = forgotten(store, folder)
    assert receipt.until == NOW + timedelta(hours=5)
    assert where_found(folder, USER, mine()) == []


def test_before_the_first_ingest(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    put(store, 0, "jsonl.gz")
    forgotten(store, tmp_path)
    state, _ = ingest(store)
    assert state.of_user(USER).show_ids.tolist() == []
    assert len(state) == 2
    assert where_found(tmp_path, USER, mine()) == []


def test_in_an_empty_store(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    assert forgotten(store, tmp_path).batches == 0
    put(store, 0, "jsonl.gz")
    assert len(ingest(store)[0]) == 2


def test_a_batch_that_cannot_be_read_is_named(folder: Path) -> None:
    store = LocalStore(folder / "store")
    broken = str(BatchKey(0, 17, "parquet"))
    store.put(broken, b"PAR1")
    receipt = forgotten(store, folder)
    assert receipt.unreadable == (broken,)
    said = [each.what for each in remainders(receipt, None, None, in_bucket=False)]
    assert any(broken in what for what in said)


@pytest.mark.parametrize("user", [-1, 2**63])
def test_what_is_no_id_is_refused(store: MemoryStore, tmp_path: Path, user: int) -> None:
    with pytest.raises(RequestError, match="a whole number from 0"):
        forget(store, worker(tmp_path)._copies, user, NOW)
    assert store.objects == {}


def test_progress_is_told(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    store = LocalStore(folder / "store")
    forget(store, worker(folder)._copies, USER, NOW, lambda *each: told.append(each))
    assert told == [(5, 5)]


@pytest.fixture(params=["rclone_store", "minio_store"])
def bucket(request: pytest.FixtureRequest) -> S3Store:
    """A server that ignores conditional writes, and one that respects them."""
    found: S3Store = request.getfixturevalue(request.param)
    return found


def test_in_a_bucket(bucket: S3Store, tmp_path: Path) -> None:
    for place, ending in enumerate(("jsonl", "jsonl.gz", "parquet")):
        put(bucket, 4 * place, ending)
    ingest(bucket)
    receipt = forgotten(bucket, tmp_path)
    assert receipt.in_batches == 6
    for info in bucket.list(""):
        path = tmp_path / "downloaded" / info.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bucket.get(info.key) or b"")
    assert (tmp_path / "downloaded" / FORGOTTEN).exists()
    assert where_found(tmp_path / "downloaded", USER, mine()) == []


@pytest.mark.parametrize(
    ("note", "days", "in_bucket", "expected"),
    [
        (None, None, False, ["a mark", "copies on other"]),
        (None, 30, True, ["a mark", "copies on other", "events in Kafka", "older versions"]),
        (
            StreamNote("replayed", 1, "ratings.csv"),
            None,
            False,
            ["a mark", "copies on other", "the file ratings.csv"],
        ),
    ],
)
def test_what_remains_is_told(
    note: StreamNote | None, days: int | None, *, in_bucket: bool, expected: list[str]
) -> None:
    receipt = Receipt(1, NOW, 0, 0, 0, 0, 0, 0, ())
    left = remainders(receipt, note, days, in_bucket=in_bucket)
    assert [
        next(start for start in expected if each.what.startswith(start)) for each in left
    ] == expected
    if days:
        assert left[2].until.startswith("2026-05-31")


def event(at: datetime, show: int = 2) -> RatingEvent:
    millis = int(at.timestamp() * 1000)
    return RatingEvent(new_event_id(millis), USER, show, 8, millis, EventSource.SERVICE)
