"""What follows from the journal of decisions."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.decisions import FOREVER, Action, Decision, standing

START = datetime(2026, 11, 28, tzinfo=UTC)


def journal(*steps: str) -> list[Decision]:
    """Read steps such as ``+3`` (the builder), ``!3`` (a person, held), ``<2``, ``release``.

    A rollback names where it goes. One step an hour; ``!3~`` is held for two hours.
    """
    made: list[Decision] = []
    for hour, step in enumerate(steps):
        at = START + timedelta(hours=hour)
        until = at + timedelta(hours=2) if step.endswith("~") else FOREVER
        number = int(step.strip("+!<~")) if step != "release" else 0
        action = {"<": Action.ROLLBACK, "r": Action.RELEASE}.get(step[0], Action.PROMOTE)
        by_hand = step[0] != "+"
        made.append(
            Decision(
                at=at,
                action=action,
                version=number,
                before=0,
                by="ann" if by_hand else "builder",
                reason="",
                by_hand=by_hand,
                held_until=until if step[0] in "!<" else None,
                decision_id=str(hour),
            )
        )
    return made


@pytest.mark.parametrize(
    ("steps", "production", "way_back"),
    [
        ("", 0, ()),
        ("+1", 1, ()),
        ("+1 +2 +3", 3, (1, 2)),
        ("+1 +2 +3 <2", 2, (1,)),
        ("+1 +2 +3 <2 <1", 1, ()),
        ("+1 +2 +3 <1", 1, ()),
        ("+1 +2 <1 !4", 4, (1,)),
        ("+1 +2 !1", 1, (1, 2)),
        ("+1 +2 !1 <2", 2, (1,)),
        ("+1 +1 !1", 1, ()),
        ("+1 <7", 7, (1,)),
    ],
)
def test_a_promotion_lengthens_the_way_back_and_a_rollback_shortens_it(
    steps: str, production: int, way_back: tuple[int, ...]
) -> None:
    found = standing(journal(*steps.split()))
    assert (found.production, found.way_back) == (production, way_back)


def test_what_was_there_before_the_first_decision_is_gone_back_to() -> None:
    (first,) = journal("+5")
    before = Decision(**{**{name: getattr(first, name) for name in first.__slots__}, "before": 3})
    assert standing([before]).way_back == (3,)


@pytest.mark.parametrize(
    ("steps", "production", "void"),
    [
        ("+1 !2 +3", 2, {"2"}),
        ("+1 +2 <1 +3 +4", 1, {"3", "4"}),
        ("+1 !2 release +3", 3, set()),
        ("+1 !2~ +3", 2, {"2"}),
        ("+1 !2~ +3 +4", 4, {"2"}),
        ("+1 !2 !3", 3, set()),
        ("+1 !2 +3 <1", 1, {"2"}),
    ],
)
def test_the_builder_decides_nothing_while_a_person_holds_production(
    steps: str, production: int, void: set[str]
) -> None:
    found = standing(journal(*steps.split()))
    assert (found.production, found.void) == (production, void)


def test_a_hold_ends_with_its_time_or_its_release() -> None:
    at = START + timedelta(hours=2)
    assert standing(journal("+1", "!2")).hold(at) is not None
    assert standing(journal("+1", "!2~")).hold(at) is not None
    assert standing(journal("+1", "!2~")).hold(at + timedelta(hours=1)) is None
    assert standing(journal("+1", "!2", "release")).hold(at) is None


def test_a_reference_that_was_rolled_back_is_none() -> None:
    first, second = journal("+1", "+2")
    kept = [
        Decision(START, Action.PROMOTE, 1, 0, "b", "", reference=1),
        Decision(START + timedelta(hours=1), Action.PROMOTE, 2, 1, "b", "", reference=2),
    ]
    assert standing(kept).reference == 2
    back = Decision(START + timedelta(hours=2), Action.ROLLBACK, 1, 2, "a", "", by_hand=True)
    assert standing([*kept, back]).reference == 1
    assert standing([first, second]).reference == 0


@given(
    st.lists(
        st.sampled_from(["+1", "+2", "+3", "!1", "!2", "!3~", "release"]), min_size=1, max_size=30
    )
)
def test_rollbacks_walk_through_what_was_there_and_come_to_an_end(steps: list[str]) -> None:
    found = standing(journal(*steps))
    seen = [found.production] if found.production else []
    for _ in steps:
        if not found.way_back:
            break
        steps = [*steps, f"<{found.way_back[-1]}"]
        found = standing(journal(*steps))
        seen.append(found.production)
    assert found.way_back == ()
    assert all(one != other for one, other in pairwise(seen))


def test_a_decision_says_how_it_holds() -> None:
    assert journal("+1")[0].hold == ""
    assert journal("!1")[0].hold == (
        "held by ann since 2026-11-28 00:00 UTC until it is released ()"
    )
    assert "until 2026-11-28 02:00 UTC" in journal("!1~")[0].hold
