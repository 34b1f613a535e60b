"""The generator: the backlog at once, then live by the clock, and never an event twice."""

import threading
from dataclasses import dataclass, field

import pytest

from mlproject.batches.sink import BatchSink
from mlproject.core import columns as c
from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ratings import RatingFrame
from mlproject.pipelines.generate_ratings import generate_ratings
from mlproject.testing import MemoryStore
from tests.builders import ratings, written


@dataclass
class Source:
    """A stream of events with a backlog, and maybe an end."""

    backlog: int = 0
    end: int = 10**9

    def read(self, position: int, limit: int) -> RatingFrame:
        return ratings(max(0, min(limit, self.end - position)), first=position)


@dataclass
class Stop(threading.Event):
    """Stops at a second of a clock that only goes on while somebody waits for this."""

    after: float
    step: float = 1.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.seconds += self.step
        if self.seconds >= self.after:
            self.set()
        return self.is_set()

    def clock(self) -> float:
        return self.seconds


@dataclass
class Sink:
    """Counts what it takes over, and what of it is durable."""

    position: int = 0
    taken: list[int] = field(default_factory=list)

    def append(self, events: RatingFrame) -> None:
        self.taken.append(len(events))

    def flush(self) -> None:
        self.position += sum(self.taken)


def stored(store: MemoryStore) -> list[int]:
    """Return the positions of the stored events: the builder makes them the users' ids."""
    read: list[int] = written(store).frame[c.USER_ID].tolist()
    return read


def test_only_the_backlog_is_sent_when_asked(store: MemoryStore) -> None:
    told: list[int] = []
    sent = generate_ratings(
        Source(backlog=25_000),
        BatchSink(store),
        rate=5,
        stop=threading.Event(),
        live=False,
        on_progress=told.append,
    )
    assert sent == 25_000
    assert told == [10_000, 20_000, 25_000]
    assert stored(store) == list(range(25_000))


def test_live_events_come_at_the_rate(store: MemoryStore) -> None:
    stop = Stop(after=60)
    told: list[int] = []
    sent = generate_ratings(
        Source(backlog=100),
        BatchSink(store),
        rate=2.5,
        stop=stop,
        on_progress=told.append,
        monotonic=stop.clock,
    )
    live = [count - 100 for count in told[1:]]
    assert live == [int(second * 2.5) for second in range(60)]
    assert sent == told[-1]
    assert stored(store) == list(range(sent))


def test_a_rate_below_one_a_second_is_kept() -> None:
    stop, sink = Stop(after=100), Sink()
    generate_ratings(Source(), sink, rate=0.1, stop=stop, monotonic=stop.clock)
    assert sink.position == 9
    assert len(sink.taken) == 100, "with none too, so that old ones are written"


def test_after_a_sleep_the_rest_is_sent_in_portions() -> None:
    stop, sink = Stop(after=3 * 3600, step=3600), Sink()
    generate_ratings(Source(), sink, rate=5, stop=stop, monotonic=stop.clock)
    assert sink.taken == [0, 10_000, 8_000, 10_000, 8_000]


def test_a_high_rate_is_kept() -> None:
    stop, sink = Stop(after=11), Sink()
    generate_ratings(Source(), sink, rate=20_000, stop=stop, monotonic=stop.clock)
    assert sink.position == 200_000


def test_at_rate_0_events_come_as_fast_as_possible() -> None:
    stop = Stop(after=1)
    sink = Sink()

    def watch(sent: int) -> None:
        if sent >= 50_000:
            stop.set()

    sent = generate_ratings(Source(), sink, rate=0, stop=stop, on_progress=watch)
    assert sent == sink.position == 50_000
    assert stop.seconds == 0, "it never waits"


def test_the_end_of_the_source_ends_it(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    stop = Stop(after=1000)
    sent = generate_ratings(
        Source(backlog=20, end=33), BatchSink(store), rate=5, stop=stop, monotonic=stop.clock
    )
    assert sent == 33
    assert stored(store) == list(range(33))
    assert not stop.is_set()
    assert "the source has ended after 33 ratings" in caplog.text


def test_stopping_makes_all_that_was_taken_over_durable(store: MemoryStore) -> None:
    stop = Stop(after=4)
    sink = BatchSink(store, batch_rows=1000, batch_seconds=3600)
    sent = generate_ratings(Source(), sink, rate=10, stop=stop, monotonic=stop.clock)
    assert sent == sink.position == 30
    assert stored(store) == list(range(30))


def test_stopped_before_it_begins_it_sends_nothing(store: MemoryStore) -> None:
    stop = threading.Event()
    stop.set()
    assert generate_ratings(Source(backlog=10), BatchSink(store), rate=0, stop=stop) == 0
    assert not store.objects


@pytest.mark.parametrize("first_end", [12, 50, 62])
def test_a_second_start_goes_on_where_the_sink_is(store: MemoryStore, first_end: int) -> None:
    for end in (first_end, 80):
        generate_ratings(
            Source(backlog=50, end=end) if end > 50 else Source(backlog=end),
            BatchSink(store),
            rate=0,
            stop=threading.Event(),
            live=end > 50,
        )
    assert stored(store) == list(range(80))


class Recovers(threading.Event):
    """Stands for the time in which somebody mends the store; stops at the second wait."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self.store = store

    def wait(self, timeout: float | None = None) -> bool:
        if self.store.broken:
            self.store.broken = False
        else:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("backlog", [0, 12])
def test_a_store_that_does_not_answer_is_waited_for(
    store: MemoryStore, backlog: int, caplog: pytest.LogCaptureFixture
) -> None:
    sink = BatchSink(store, batch_rows=5)
    assert sink.position == 0
    store.broken = True
    generate_ratings(Source(backlog, end=12), sink, rate=0, stop=Recovers(store))
    assert stored(store) == list(range(12)), "none is lost and none is sent twice"
    assert "the events wait" in caplog.text


def test_who_is_told_to_end_while_the_store_is_away_says_so(store: MemoryStore) -> None:
    stop = Stop(after=0)
    sink = BatchSink(store)
    assert sink.position == 0
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        generate_ratings(Source(backlog=12), sink, rate=0, stop=stop)
    assert stop.is_set()


def test_a_store_that_fails_ends_it_and_the_next_start_sends_the_rest(store: MemoryStore) -> None:
    generate_ratings(
        Source(backlog=5), BatchSink(store), rate=5, stop=threading.Event(), live=False
    )
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        generate_ratings(
            Source(backlog=9), BatchSink(store), rate=5, stop=threading.Event(), live=False
        )
    store.broken = False
    generate_ratings(
        Source(backlog=9), BatchSink(store), rate=5, stop=threading.Event(), live=False
    )
    assert stored(store) == list(range(9))
