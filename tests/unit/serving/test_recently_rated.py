"""What was rated lately is remembered within bounds."""

from mlproject.serving.recently_rated import RecentlyRated


def test_each_user_has_shows_of_their_own() -> None:
    rated = RecentlyRated()
    rated.add(1, 10, 9)
    rated.add(1, 20, 8)
    rated.add(2, 30, 7)
    assert (rated.of(1).show_ids.tolist(), rated.of(1).ratings.tolist()) == ([10, 20], [9, 8])
    assert rated.of(2).ratings.tolist() == [7]
    assert len(rated.of(3)) == 0


def test_the_oldest_show_is_forgotten_first() -> None:
    rated = RecentlyRated(shows=2)
    for show in (10, 20, 10, 30):
        rated.add(1, show, 9)
    assert rated.of(1).show_ids.tolist() == [10, 30]


def test_who_rated_longest_ago_is_forgotten_first() -> None:
    rated = RecentlyRated(users=2)
    for user in (1, 2, 1, 3):
        rated.add(user, 10, 9)
    assert [bool(len(rated.of(user))) for user in (1, 2, 3)] == [True, False, True]
