"""The log of single ratings over batch objects: acknowledged is written, once."""

import json
import logging
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from mlproject.batches import log as batch_log
from mlproject.batches.keys import SERVICE_PARTITION, BatchKey, partition_prefix
from mlproject.batches.log import BATCH_ROWS, BatchRatingLog
from mlproject.core.errors import UnavailableError
from mlproject.core.events import Place
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryStore
from tests.builders import event
from tests.servers import wait_until


def lines(store: ObjectStore) -> list[dict[str, object]]:
    """What was written, in the order of keys."""
    keys = [info.key for info in store.list(partition_prefix(SERVICE_PARTITION))]
    return [json.loads(line) for key in keys for line in (store.get(key) or b"").splitlines()]


def test_an_acknowledged_event_is_in_the_store(store: MemoryStore) -> None:
    log, sent = BatchRatingLog(store), event(0)
    place = log.append(sent).result(5)
    assert place == Place("ratings", SERVICE_PARTITION, 0)
    assert lines(store) == [
        {
            "event_id": sent.event_id,
            "user_id": 0,
            "show_id": 2,
            "rating": 8,
            "rated_at": 1_735_689_600_000,
            "source": "SERVICE",
            "retracted": None,
            "offset": 0,
        }
    ]
    log.close()


def test_what_comes_together_is_written_together(store: MemoryStore) -> None:
    log = BatchRatingLog(store, linger_seconds=0.5)
    futures = [log.append(event(number)) for number in range(50)]
    assert [future.result(5).offset for future in futures] == list(range(50))
    assert len(store.objects) == 1
    log.close()


def test_a_batch_has_a_bound(store: MemoryStore) -> None:
    log = BatchRatingLog(store, linger_seconds=60)
    futures = [log.append(event(number)) for number in range(BATCH_ROWS)]
    assert futures[-1].result(5).offset == BATCH_ROWS - 1
    log.close()


def test_closing_writes_what_was_taken_over(store: MemoryStore) -> None:
    log = BatchRatingLog(store, linger_seconds=60)
    future = log.append(event())
    log.close()
    assert future.result(0).offset == 0
    assert len(lines(store)) == 1
    with pytest.raises(UnavailableError, match="the service is stopping"):
        log.append(event())
    log.close()


def test_two_processes_write_over_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    logs = [BatchRatingLog(store, linger_seconds=0.001) for _ in range(3)]
    futures: list[Future[Place]] = []

    def send(log: BatchRatingLog) -> None:
        for number in range(20):
            futures.append(log.append(event(number)))
            futures[-1].result(30)

    threads = [threading.Thread(target=send, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    offsets = sorted(future.result(0).offset for future in futures)
    assert offsets == list(range(60)) == [line["offset"] for line in lines(store)]
    for log in logs:
        log.close()


def test_after_a_damaged_batch_it_goes_on_beyond_it(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store.put(str(BatchKey(SERVICE_PARTITION, 7, "jsonl")), b"not json")
    log = BatchRatingLog(store)
    assert log.append(event()).result(5).offset == 7 + BATCH_ROWS
    assert "is damaged; going on after it" in caplog.text
    log.close()


def test_a_store_that_fails_acknowledges_nothing_and_may_come_back(store: MemoryStore) -> None:
    log = BatchRatingLog(store, linger_seconds=0)
    assert log.append(event()).result(5).offset == 0
    store.broken = True
    with pytest.raises(UnavailableError, match="not acknowledged: the store is set to fail; it"):
        log.append(event()).result(5)
    store.broken = False
    assert log.append(event()).result(5).offset == 1
    log.close()


def test_a_write_that_fails_after_the_fact_is_not_written_over(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the answer to a write is lost: the next one finds the object."""
    put_if = store.put_if

    def loses_the_answer(key: str, content: bytes, expected: str | None) -> bool:
        put_if(key, content, expected)
        monkeypatch.setattr(store, "put_if", put_if)
        raise UnavailableError("the answer was lost")

    monkeypatch.setattr(store, "put_if", loses_the_answer)
    log = BatchRatingLog(store, linger_seconds=0)
    with pytest.raises(UnavailableError, match="may still arrive"):
        log.append(event(1)).result(5)
    assert log.append(event(2)).result(5).offset == 1
    assert [line["user_id"] for line in lines(store)] == [1, 2]
    log.close()


def test_a_surprise_ends_no_thread(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    log = BatchRatingLog(store, linger_seconds=0)
    with monkeypatch.context() as patch:
        patch.setattr(batch_log, "encode_json_lines", lambda *_: 1 / 0)
        with pytest.raises(UnavailableError, match="not acknowledged"):
            log.append(event()).result(5)
    assert log.append(event()).result(5).offset == 0
    log.close()


def test_who_gives_up_in_time_has_written_nothing(store: MemoryStore) -> None:
    log = BatchRatingLog(store, linger_seconds=0.3)
    given_up, kept = log.append(event(1)), log.append(event(2))
    assert given_up.cancel()
    assert kept.result(5).offset == 0
    assert [line["user_id"] for line in lines(store)] == [2]
    log.close()


def test_a_full_queue_refuses(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()
    monkeypatch.setattr(store, "put_if", lambda *_: hung.wait(20))
    log = BatchRatingLog(store, linger_seconds=0, waiting_rows=3)
    log.append(event(0))
    wait_until(lambda: log._waiting.qsize() == 0, 10, "the first is being written")
    for number in range(3):
        log.append(event(number))
    with pytest.raises(UnavailableError, match="not taken: 3 wait to be written already"):
        log.append(event(3))
    assert log.trouble == "3 wait to be written already"
    hung.set()
    log.close()


def test_a_store_that_ignores_conditions_is_refused(store: MemoryStore) -> None:
    store.conditional = False
    log = BatchRatingLog(store)
    log.start()
    wait_until(lambda: "ignores conditional writes" in (log.trouble or ""), 10, "the trouble")
    with pytest.raises(UnavailableError, match="ignores conditional writes"):
        log.append(event()).result(5)
    assert not store.objects
    log.close()


def test_a_store_that_keeps_them_after_all_is_written_to(store: MemoryStore) -> None:
    store.conditional = False
    log = BatchRatingLog(store, linger_seconds=0)
    with pytest.raises(UnavailableError, match="ignores conditional writes"):
        log.append(event()).result(5)
    store.conditional = True
    assert log.append(event()).result(5).offset == 0
    assert log.trouble is None
    log.close()


def test_the_ingest_takes_up_the_partition_by_itself(store: MemoryStore) -> None:
    log = BatchRatingLog(store, linger_seconds=0)
    log.append(event(5)).result(5)
    state, _ = ingest(store)
    log.append(event(6)).result(5)
    state, report = ingest(store, state)
    assert report.fresh == 1
    assert state.ratings.user_id.tolist() == [5, 6]
    assert state.ratings.rating.tolist() == [8, 8]
    log.close()
