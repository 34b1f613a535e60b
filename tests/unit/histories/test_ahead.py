"""What was rated through this process counts until the stream has come to it."""

from mlproject.core.forgotten import NOBODY
from mlproject.core.rating_order import Rated, order_of
from mlproject.histories.ahead import Ahead
from mlproject.histories.overlay import Overlay
from mlproject.snapshot.by_user import RatingsByUser

NOTHING = Overlay(RatingsByUser.empty(), NOBODY)


def rated(user: int, show: int, at: int = 0) -> Rated:
    return Rated(user, show, order_of(at, bytes(16), 5))


def test_it_counts_until_its_place_is_passed() -> None:
    ahead = Ahead()
    ahead.add(rated(1, 20), 3, 7)
    assert ahead.of(1, NOTHING) == {20: rated(1, 20).order}
    assert ahead.of(2, NOTHING) is None
    assert ahead.places(1) == ((3, 7),)
    ahead.passed(3, 7)
    ahead.passed(4, 100)
    assert ahead.places(1) == ((3, 7),)
    ahead.passed(3, 8)
    assert ahead.places(1) == ()
    assert ahead.of(1, NOTHING) is None


def test_what_is_known_to_be_later_wins() -> None:
    known = Overlay(RatingsByUser.empty(), NOBODY)
    known.take(known.winners([rated(1, 20, at=5)]))
    ahead = Ahead()
    ahead.add(rated(1, 20, at=4), 3, 7)
    assert not ahead.of(1, known)


def test_the_oldest_are_forgotten_at_the_bound() -> None:
    ahead = Ahead(most=2)
    for number in range(3):
        ahead.add(rated(1, number), 0, number)
    assert ahead.places(1) == ((0, 1), (0, 2))
    ahead.passed(0, 3)
    assert ahead.places(1) == ()
