"""Two replicas over Kafka: a rating through one counts in the other within seconds."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlproject.batches.progress import Totals, Watermark
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.events.schema import Schema, current_schema
from mlproject.histories.copies import Copies
from mlproject.histories.followed import FollowedHistories, Limits
from mlproject.kafka.follow import KafkaStream
from mlproject.kafka.log import KafkaRatingLog
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import Seen, commit, write_segments
from mlproject.testing import MemoryStore
from tests.rating_rows import Row, columns
from tests.servers import mock_broker, wait_until

SCHEMA_ID = 7


def schemas(schema_id: int) -> Schema:
    return {SCHEMA_ID: current_schema()}[schema_id]


@contextmanager
def replica(
    folder: Path, store: MemoryStore, broker: str, topic: str, live_ratings: int = 1000
) -> Iterator[FollowedHistories]:
    made = FollowedHistories(
        store,
        KafkaStream(broker, topic, schemas),
        Copies(folder, store.uri),
        Limits(live_ratings, poll_seconds=0.2),
    )
    made.start()
    try:
        yield made
    finally:
        made.close()


def event(user: int, show: int) -> RatingEvent:
    now = time.time_ns() // 1_000_000
    return RatingEvent(new_event_id(now), user, show, 8, now, EventSource.SERVICE)


def put_snapshot(store: MemoryStore, row: Row, watermarks: dict[int, Watermark]) -> None:
    state = RatingsState.of(columns([row]))
    base = write_segments(store, state.ratings, 1)
    manifest = Manifest.of(state, 1, base=base, deltas=(), watermarks=watermarks, totals=Totals())
    commit(store, Seen(None, None), manifest)


def test_a_rating_through_one_counts_in_the_other(
    tmp_path: Path, store: MemoryStore, broker: str, topic: str
) -> None:
    log = KafkaRatingLog(broker, topic, lambda: SCHEMA_ID)
    first = event(1, 10)
    log.start()
    wait_until(lambda: log.trouble is None, 10, "the producer")
    place = log.append(first).result(10)
    # The snapshot has come past the first rating, and has another one in its stead.
    mark = Watermark("topics/ratings/x", "tag", place.offset + 1)
    put_snapshot(store, (1, 11, 3, 5, 0, 1), {place.partition: mark})
    with (
        replica(tmp_path / "one", store, broker, topic) as one,
        replica(tmp_path / "two", store, broker, topic) as two,
    ):
        wait_until(lambda: max(one.status.lag_seconds, two.status.lag_seconds) < 2, 20, "both")
        assert two.of(1).ratings.show_ids.tolist() == [11], "it began at the watermark"
        for show in range(20, 25):
            sent = event(1, show)
            one.add(sent, log.append(sent).result(10))
            assert show in one.of(1).ratings.show_ids
            wait_until(lambda show=show: show in two.of(1).ratings.show_ids, 20, "the other copy")
        wait_until(lambda: one.position == two.position, 20, "the same position")
        assert one.of(1).position.beyond == ()
    log.close()


def test_a_broker_that_was_away_and_a_restart_lose_nothing(
    tmp_path: Path, store: MemoryStore
) -> None:
    with mock_broker() as (broker, process):
        log = KafkaRatingLog(broker, "ratings", lambda: SCHEMA_ID)
        log.start()
        wait_until(lambda: log.trouble is None, 10, "the producer")
        with replica(tmp_path, store, broker, "ratings", live_ratings=2) as histories:
            log.append(event(1, 10)).result(10)
            log.append(event(1, 11)).result(10)
            wait_until(lambda: len(histories.of(1).ratings) == 2, 20, "both")
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: histories.status.trouble != "", 30, "the trouble")
            assert len(histories.of(1).ratings) == 2, "answers go on"
            wait_until(lambda: histories.status.lag_seconds > 2, 10, "the lag")
            process.send_signal(signal.SIGCONT)
            log.append(event(1, 12)).result(10)
            wait_until(lambda: len(histories.of(1).ratings) == 3, 10, "the third")
            wait_until(lambda: histories.status.trouble == "", 10, "the end of the trouble")
            wait_until(lambda: histories.status.ratings >= 2, 10, "a copy")
        log.append(event(1, 13)).result(10)
        with replica(tmp_path, store, broker, "ratings") as again:
            assert len(again.of(1).ratings) >= 2, "from the copy, at once"
            wait_until(lambda: len(again.of(1).ratings) == 4, 10, "all")
        log.close()
