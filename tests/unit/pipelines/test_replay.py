"""An answer is made again from a version, a position, and the events up to it."""

from pathlib import Path

import pytest

from mlproject.batches.log import BatchRatingLog
from mlproject.core.errors import RequestError, UnavailableError, VersionNotFoundError
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.model import TrainedModel
from mlproject.core.user_histories import Position
from mlproject.models.cache import ModelCache
from mlproject.models.files import load_model, save_model
from mlproject.pipelines.replay import Replayed, replay
from mlproject.serving.answers import encoded
from mlproject.serving.recommender import Recommender, Wish
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryRegistry, MemoryStore
from tests.builders import model, rated


@pytest.fixture
def registry(tmp_path: Path) -> MemoryRegistry:
    made = MemoryRegistry(tmp_path / "registry")
    with made.run("a run") as run:
        folder = tmp_path / "model"
        folder.mkdir()
        save_model(model(), folder)
        run.model(folder)
    made.register(run.run_id)
    return made


def rate(store: MemoryStore, *ratings: tuple[int, int]) -> None:
    """Let user 1 rate shows, one after the other."""
    log = BatchRatingLog(store, linger_seconds=0)
    for show, rating in ratings:
        at = 1_700_000_000_000 + rating
        event = RatingEvent(new_event_id(at), 1, show, rating, at, EventSource.SERVICE)
        log.append(event).result(10)
    log.close()


def answered(registry: MemoryRegistry, offset: int, *history: tuple[int, int]) -> bytes:
    """The answer of a service that knew the first ``offset`` ratings."""
    trained = load_model(registry.folder / "run1")
    told = Recommender(1, trained).recommend(1, rated(*history), 3)
    position = Position(0, {1000: offset} if offset else {})
    return encoded({**told, "position": position.record()})


def again(given: bytes, store: MemoryStore, registry: MemoryRegistry) -> Replayed:
    cache = ModelCache(registry.folder / "cache", registry.download)
    return replay(given, store, registry, cache)


def test_an_old_answer_is_made_again_whatever_came_later(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    rate(store, (10, 9))
    first = answered(registry, 1, (10, 9))
    rate(store, (40, 10))
    ingest(store)
    second = answered(registry, 2, (10, 9), (40, 10))
    assert first != second
    for given, ratings in ((first, 1), (second, 2), (answered(registry, 0), 0)):
        made = again(given, store, registry)
        assert (made.equal, made.answer, made.ratings) == (True, given, ratings)


WISHES = [
    Wish(2, exclude_seen=False),
    Wish(3, genres=("drama",)),
    Wish(3, exclude_show_ids=(30,)),
    Wish(2, diversity=0.8),
    Wish(1, explain=True),
    Wish(4, exclude_seen=False, genres=("Drama",), exclude_show_ids=(20,), diversity=0.5),
]


@pytest.mark.parametrize("wish", WISHES)
def test_an_answer_with_filters_is_made_again(
    store: MemoryStore, registry: MemoryRegistry, wish: Wish
) -> None:
    rate(store, (10, 9))
    version = Recommender(1, load_model(registry.folder / "run1"))
    position = Position(0, {1000: 1}).record()
    given = version.answer(1, rated((10, 9)), wish, position).body
    assert again(given, store, registry) == Replayed(given, equal=True, ratings=1)


def test_what_answers_is_made_as_the_service_makes_it(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    rate(store, (10, 9))
    cache = ModelCache(registry.folder / "cache", registry.download)
    made: list[int] = []

    def make(number: int, trained: TrainedModel) -> Recommender:
        made.append(number)
        return Recommender(number, trained)

    assert replay(answered(registry, 1, (10, 9)), store, registry, cache, make).equal
    assert made == [1]


def test_a_filter_that_was_altered_is_found_out(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    version = Recommender(1, load_model(registry.folder / "run1"))
    wish = Wish(2, exclude_show_ids=(30,))
    given = version.answer(1, rated(), wish, Position(0, {}).record()).body
    assert not again(given.replace(b"[30]", b"[10]"), store, registry).equal


def test_an_answer_that_asks_for_what_nobody_can_is_refused(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    given = answered(registry, 0).removesuffix(b"}") + b',"asked":{"diversity":7}}'
    with pytest.raises(RequestError, match="no answer of /recommend"):
        again(given, store, registry)


def test_an_answer_that_was_altered_is_found_out(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    rate(store, (10, 9))
    given = answered(registry, 1, (10, 9))
    made = again(given.replace(b"Show 20", b"Show 21"), store, registry)
    assert not made.equal
    assert made.answer == given


def test_a_position_ahead_of_the_bucket_is_told(
    store: MemoryStore, registry: MemoryRegistry
) -> None:
    with pytest.raises(UnavailableError):
        again(answered(registry, 5, (10, 9)), store, registry)


def test_a_version_that_is_gone_is_told(store: MemoryStore, registry: MemoryRegistry) -> None:
    given = answered(registry, 0).replace(b'"model_version":1', b'"model_version":7')
    with pytest.raises(VersionNotFoundError):
        again(given, store, registry)


@pytest.mark.parametrize("given", [b"", b"[]", b'{"error": "no"}', b"\xff", b'{"user_id": 1}'])
def test_what_is_no_answer_is_refused(
    store: MemoryStore, registry: MemoryRegistry, given: bytes
) -> None:
    with pytest.raises(RequestError, match="no answer of /recommend"):
        again(given, store, registry)
