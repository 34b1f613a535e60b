"""Team draft is fair: both versions have the same chances, whatever they rank."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.exposures import BOTH, CHALLENGER, PRODUCTION
from mlproject.serving.interleaving import is_interleaved, seed_of, team_draft

RANKING = st.lists(st.integers(0, 20), unique=True, max_size=12)
SEEDS = st.integers(0, 2**64 - 1)


@given(RANKING, RANKING, st.integers(1, 12), SEEDS)
def test_each_show_is_there_once_in_the_order_of_its_team(
    ours: list[int], theirs: list[int], length: int, seed: int
) -> None:
    shows, teams = team_draft(ours, theirs, length, seed)
    assert len(shows) == len(teams) == min(length, len({*ours, *theirs}))
    assert len(set(shows)) == len(shows)
    for team, ranking in ((PRODUCTION, ours), (CHALLENGER, theirs)):
        own = [show for show, each in zip(shows, teams, strict=True) if each == team]
        assert own == [show for show in ranking if show in own]


@given(SEEDS)
def test_no_team_is_ever_more_than_one_show_ahead(seed: int) -> None:
    _, teams = team_draft(range(30), range(15, 45), 20, seed)
    for end in range(len(teams) + 1):
        assert abs(teams[:end].count(PRODUCTION) - teams[:end].count(CHALLENGER)) <= 1


@given(RANKING, st.integers(1, 12), SEEDS)
def test_equal_rankings_stay_as_they_are(ranking: list[int], length: int, seed: int) -> None:
    shows, teams = team_draft(ranking, ranking, length, seed)
    assert shows == ranking[:length]
    assert set(teams) <= {BOTH}, "they speak for neither"


def test_what_both_would_choose_next_is_neithers() -> None:
    shows, teams = team_draft([1, 2, 3, 9], [1, 4, 3, 9], 5, seed=1)
    assert shows[0] == 1
    assert teams[0] == BOTH
    assert {shows[1], shows[2]} == {2, 4}
    assert shows[3:] == [3, 9]
    assert teams[3:] == BOTH * 2


def test_each_team_begins_half_of_the_rounds() -> None:
    starts = Counter[tuple[int, str]]()
    for user in range(4000):
        _, teams = team_draft(range(6), range(10, 16), 6, seed_of(user, 3, 4))
        starts.update((place, teams[place]) for place in (0, 2, 4))
    for place in (0, 2, 4):
        assert abs(starts[place, PRODUCTION] - 2000) < 150, "four standard deviations and more"


def test_an_order_lasts_as_long_as_the_versions() -> None:
    assert seed_of(7, 3, 4) == seed_of(7, 3, 4)
    assert len({seed_of(7, 3, 4), seed_of(7, 4, 3), seed_of(8, 3, 4), seed_of(7, 3, 5)}) == 4


def test_a_share_of_the_users_is_chosen_and_a_larger_share_keeps_them() -> None:
    tenth = {user for user in range(10_000) if is_interleaved(user, 0.1)}
    third = {user for user in range(10_000) if is_interleaved(user, 0.3)}
    assert 850 < len(tenth) < 1150
    assert tenth < third
