"""What measures is the newest, or a hash of the pair, and stays out of the training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.dates import DATED_FROM, UNDATED_FROM
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions
from mlproject.dataset.split import (
    FEWEST_RATINGS,
    FEWEST_TRAINING,
    HeldByAll,
    HoldNothing,
    RandomDraw,
    SplitKind,
    SplitRule,
    TimeCut,
    hold_out,
    read_rule,
)

Pair = tuple[int, int]
Times = dict[Pair, int]

NOW = 1_735_689_600_000
DAY = 86_400_000
LIMIT = 8_640_000_000_000_000 - 1
"""The latest time that is read from a file, milliseconds."""

# Users of few and of many ratings, in few and in many moments.
TIMES = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 15)), st.integers(0, 12), max_size=80
)
SHARES = st.floats(0.05, 0.95)


def interactions(times: Times) -> Interactions:
    pairs = sorted(times)
    users, shows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    user_map, show_map = IdMap.of(users), IdMap.of(shows)
    return Interactions(
        users=user_map,
        shows=show_map,
        user_rows=user_map.rows(users).astype(np.int32),
        show_rows=show_map.rows(shows).astype(np.int32),
        ratings=np.full(len(users), 8, dtype=np.float32),
        rated_at=np.array([times[pair] for pair in pairs], dtype=np.int64),
    )


def enough(pairs: set[Pair]) -> Times:
    """A day between two ratings of a user, and an hour between two users."""
    return {(user, show): NOW + show * DAY + user % 24 * DAY // 24 for user, show in pairs}


ENOUGH = enough({(user, show) for user in range(1000, 1200) for show in range(50)})


def drawn(
    times: Times, *, share: float = 0.2, seed: int = 1, kind: SplitKind = "auto"
) -> tuple[set[Pair], SplitRule]:
    """The pairs that are held out, and by which rule."""
    split, rule = hold_out(interactions(times), share=share, seed=seed, kind=kind)
    data = split.interactions
    users = data.users.ids[data.user_rows[split.held_out]].tolist()
    shows = data.shows.ids[data.show_rows[split.held_out]].tolist()
    return set(zip(users, shows, strict=True)), rule


def held(times: Times, *, share: float = 0.2, seed: int = 1) -> set[Pair]:
    """The pairs that are held out at random."""
    return drawn(times, share=share, seed=seed, kind="random")[0]


@given(TIMES, SHARES)
def test_by_time_the_newest_are_held_out_but_for_each_users_first(
    times: Times, share: float
) -> None:
    """Against the rule, user by user."""
    found, rule = drawn(times, share=share, kind="time")
    if not times:
        return
    assert isinstance(rule, TimeCut)
    assert rule.until == max(times.values())
    expected = set()
    for user in {user for user, _ in times}:
        in_order = sorted((at, show) for (rater, show), at in times.items() if rater == user)
        expected |= {(user, show) for at, show in in_order[FEWEST_TRAINING:] if at >= rule.cut}
    assert found == expected


@given(TIMES, SHARES)
def test_the_cut_is_as_near_to_the_share_as_equal_times_let_it(times: Times, share: float) -> None:
    _, rule = drawn(times, share=share, kind="time")
    if not times:
        return
    assert isinstance(rule, TimeCut)
    moments = np.array(list(times.values()))

    def off(cut: int) -> float:
        return abs(np.count_nonzero(moments >= cut) - share * len(moments))

    assert off(rule.cut) <= min(off(cut) for cut in range(14)) + 1e-6


def test_without_equal_times_the_share_is_exact() -> None:
    times = {(user, show): 300 * show + user for user in range(300) for show in range(100)}
    for share in (0.1, 0.2, 0.5):
        assert len(drawn(times, share=share, kind="time")[0]) == share * len(times)


def test_a_newcomer_trains_with_the_first_ratings() -> None:
    newcomer = {(7, show): NOW + 90 * DAY + show for show in range(8)}
    found, _ = drawn(ENOUGH | newcomer)
    assert {show for user, show in found if user == 7} == {5, 6, 7}


def test_what_an_earlier_cut_trained_on_is_not_held_out_later() -> None:
    """So yesterday's production model can be measured on today's holdout."""
    later = ENOUGH | {(user, show): NOW + 99 * DAY for user in range(1200) for show in (60, 61)}
    _, before = drawn(ENOUGH, kind="time")
    split, after = hold_out(interactions(later), share=0.2, seed=1, kind="time")
    assert after.cut > before.cut
    assert not (split.held_out & ~before.held_out(split.interactions)).any()


def test_dated_ratings_are_cut_by_time() -> None:
    found, rule = drawn(ENOUGH)
    assert isinstance(rule, TimeCut)
    assert found == drawn(ENOUGH, kind="time")[0]
    assert len(found) / len(ENOUGH) == pytest.approx(0.2, abs=0.01)


NEWCOMERS = {(user, show): NOW + user * 10 + show for user in range(300) for show in range(6)}

UNSERVING = {
    "undated": {pair: UNDATED_FROM + place for place, pair in enumerate(ENOUGH)},
    "a tenth undated": {
        pair: DATED_FROM - 1 if place % 10 == 0 else at
        for place, (pair, at) in enumerate(ENOUGH.items())
    },
    "all of one moment": dict.fromkeys(ENOUGH, NOW),
    "half of one moment, the last": {pair: min(at, NOW + 25 * DAY) for pair, at in ENOUGH.items()},
    "nine users": {pair: at for pair, at in ENOUGH.items() if pair[0] < 1009},
    "newcomers all": NEWCOMERS,
}


@pytest.mark.parametrize("times", UNSERVING.values(), ids=UNSERVING)
def test_where_times_do_not_serve_the_holdout_is_random(times: Times) -> None:
    found, rule = drawn(times)
    assert rule == RandomDraw(0.2, seed=1)
    assert found == held(times)
    assert found


def test_a_few_undated_ratings_do_no_harm() -> None:
    """They are the oldest, and train."""
    few = {
        pair: UNDATED_FROM + i if i % 25 == 0 else at for i, (pair, at) in enumerate(ENOUGH.items())
    }
    found, rule = drawn(few)
    assert isinstance(rule, TimeCut)
    assert all(few[pair] > DATED_FROM for pair in found)


def test_the_first_date_is_dated() -> None:
    shifted = {pair: at - NOW + DATED_FROM for pair, at in ENOUGH.items()}
    assert isinstance(drawn(shifted)[1], TimeCut)


def test_by_time_when_told_whatever_the_times() -> None:
    assert isinstance(drawn(UNSERVING["undated"], kind="time")[1], TimeCut)
    assert drawn(UNSERVING["all of one moment"], kind="time")[0] == set()


@given(TIMES, SHARES, st.sampled_from(["time", "random", "auto"]))
def test_the_same_ratings_have_the_same_holdout(
    times: Times, share: float, kind: SplitKind
) -> None:
    """And every rule is read as it was noted."""
    one, other = (drawn(times, share=share, kind=kind) for _ in range(2))
    assert one == other
    assert read_rule(str(one[1])) == one[1]


@given(st.integers(-LIMIT, LIMIT), st.integers(-LIMIT, LIMIT))
def test_a_cut_at_any_time_is_read_as_it_was_noted(cut: int, until: int) -> None:
    assert read_rule(str(TimeCut(cut, until))) == TimeCut(cut, until)


@pytest.mark.parametrize(
    "text", ["", "by hand", "time from soonZ to laterZ", "random few seed 1", "random 0.2 seed x"]
)
def test_another_text_is_no_rule(text: str) -> None:
    assert read_rule(text) is None


def test_at_random_a_pair_stays_on_its_side_while_ratings_come_in() -> None:
    """New users, new shows and more ratings by known users change rows, not sides."""
    more = ENOUGH | enough({(user, show) for user in range(900, 1300) for show in range(0, 90, 3)})
    assert held(more) & set(ENOUGH) == held(ENOUGH)


def test_a_random_holdout_never_shrinks() -> None:
    """Not even as users become active enough to be measured."""
    few = {pair: at for pair, at in ENOUGH.items() if pair[1] < pair[0] % 10}
    assert held(few) < held(ENOUGH)


def test_users_with_few_ratings_hold_nothing_out_at_random() -> None:
    times = enough({(user, show) for user in range(8) for show in range(user)})
    assert {user for user, _ in held(times, share=0.99)} == set(range(FEWEST_RATINGS, 8))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_random_share_is_about_right(share: float) -> None:
    assert len(held(ENOUGH, share=share)) / len(ENOUGH) == pytest.approx(share, abs=0.02)


def test_a_larger_random_share_holds_out_the_same_and_more() -> None:
    assert held(ENOUGH, share=0.1) < held(ENOUGH, share=0.3)


@pytest.mark.parametrize("seed", [2, 3, 42])
def test_another_seed_is_another_holdout(seed: int) -> None:
    """Two holdouts share what chance lets them."""
    one, other = held(ENOUGH), held(ENOUGH, seed=seed)
    assert len(one & other) / len(one) == pytest.approx(0.2, abs=0.05)


@given(times=st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 5)), st.integers(0, 99)))
def test_a_split_names_the_rule_that_made_it_and_its_users_may_be_taken_alone(
    times: Times,
) -> None:
    split, rule = hold_out(interactions(times), share=0.3, seed=1)
    assert split.rule == rule
    for user in {pair[0] for pair in times}:
        own = {pair: time for pair, time in times.items() if pair[0] == user}
        rows = split.interactions.users.ids[split.interactions.user_rows] == user
        assert np.array_equal(rule.held_out(interactions(own)), split.held_out[rows])


def test_where_all_is_to_train_nothing_is_held_out() -> None:
    data = interactions({(0, 1): 5, (1, 2): 7})
    assert not HoldNothing().held_out(data).any()


@pytest.mark.parametrize("kind", ["time", "random", "auto"])
def test_no_interactions_hold_nothing_out(kind: SplitKind) -> None:
    assert drawn({}, kind=kind) == (set(), RandomDraw(0.2, seed=1))


def test_rules_together_hold_out_what_each_of_them_does() -> None:
    data = interactions(ENOUGH)
    rules = (RandomDraw(0.5, 1), RandomDraw(0.5, 2))
    one, other = (rule.held_out(data) for rule in rules)
    assert HeldByAll(rules).held_out(data).tolist() == (one & other).tolist()
