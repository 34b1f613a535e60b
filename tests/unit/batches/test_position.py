"""How far a stream has come, kept in the store."""

import pytest

from mlproject.batches import keys
from mlproject.batches.position import PositionedSink, read_position
from mlproject.core.errors import BatchError, StoreUnavailableError, UnavailableError
from mlproject.core.ratings import RatingFrame
from mlproject.testing import MemoryStore


class Sink:
    """Counts what it is given; ``refuses`` makes a flush fail."""

    position = 0
    refuses = False

    def append(self, ratings: RatingFrame) -> None:
        self.position += 10

    def flush(self) -> None:
        if self.refuses:
            raise UnavailableError("no")


def test_nothing_saved_is_the_start(store: MemoryStore) -> None:
    assert read_position(store) == 0


def test_a_flush_saves(store: MemoryStore) -> None:
    sink = PositionedSink(Sink(), store)
    sink.append(RatingFrame.empty())
    assert read_position(store) == 0
    sink.flush()
    assert read_position(store) == sink.position == 10


def test_a_failed_flush_saves_what_is_durable_all_the_same(store: MemoryStore) -> None:
    inner = Sink()
    sink = PositionedSink(inner, store)
    sink.append(RatingFrame.empty())
    inner.refuses = True
    with pytest.raises(UnavailableError):
        sink.flush()
    assert read_position(store) == 10


def test_it_saves_now_and_then(store: MemoryStore) -> None:
    seconds = iter(range(0, 100, 3))
    sink = PositionedSink(Sink(), store, monotonic=lambda: next(seconds))
    saved = []
    for _ in range(4):
        sink.append(RatingFrame.empty())
        saved.append(read_position(store))
    assert saved == [0, 20, 20, 40]


def test_a_store_that_is_away_for_a_while_is_no_reason_to_stop(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(key: str, content: bytes) -> None:
        raise StoreUnavailableError("cannot write")

    seconds = iter(range(0, 1000, 10))
    sink = PositionedSink(Sink(), store, monotonic=lambda: next(seconds))
    with monkeypatch.context() as away:
        away.setattr(store, "put", refuse)
        sink.append(RatingFrame.empty())
        assert "the position is not saved (cannot write)" in caplog.text
        with pytest.raises(StoreUnavailableError):
            sink.flush()
    sink.flush()
    assert read_position(store) == 10


@pytest.mark.parametrize("content", [b"", b"[]", b'{"position": "x"}', b"{}"])
def test_what_is_no_position_is_an_error_with_its_place(store: MemoryStore, content: bytes) -> None:
    store.put(keys.GENERATOR_POSITION, content)
    with pytest.raises(BatchError, match=keys.GENERATOR_POSITION):
        read_position(store)
