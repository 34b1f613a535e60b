"""What was rated lately is remembered within bounds."""

from mlproject.serving.recently_rated import RecentlyRated


def test_each_user_has_shows_of_their_own() -> None:
    rated = RecentlyRated()
    rated.add(1, 10)
    rated.add(1, 20)
    rated.add(2, 30)
    assert (list(rated.shows_of(1)), list(rated.shows_of(2))) == ([10, 20], [30])
    assert not rated.shows_of(3)


def test_the_oldest_show_is_forgotten_first() -> None:
    rated = RecentlyRated(shows=2)
    for show in (10, 20, 10, 30):
        rated.add(1, show)
    assert list(rated.shows_of(1)) == [10, 30]


def test_who_rated_longest_ago_is_forgotten_first() -> None:
    rated = RecentlyRated(users=2)
    for user in (1, 2, 1, 3):
        rated.add(user, 10)
    assert [bool(rated.shows_of(user)) for user in (1, 2, 3)] == [True, False, True]
