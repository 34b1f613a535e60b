"""Decisions carried out: killed between any two steps, two at once, moved from outside."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlproject.core.decisions import FOREVER, Action, Outcome
from mlproject.core.errors import DecisionError, VersionNotFoundError
from mlproject.core.ports import Production
from mlproject.pipelines.decide import (
    current_standing,
    put_into_production,
    release,
    roll_back,
    settle,
)
from mlproject.testing import MemoryRegistry

WRITES = {"note", "conclude", "point", "unpoint", "tag", "register"}
AT_ONCE = timedelta(0)


class KilledError(BaseException):
    """The process is gone."""


def killed() -> None:
    raise KilledError


@dataclass
class Interrupted:
    """A registry at which something happens before the write of a number, from 0."""

    registry: Any
    left: int
    happens: Callable[[], object] = killed
    writes: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.registry, name)
        if name not in WRITES:
            return found

        def write(*arguments: Any, **named: Any) -> Any:
            if len(self.writes) == self.left:
                self.happens()
            self.writes.append(name)
            return found(*arguments, **named)

        return write


@pytest.fixture
def registry(tmp_path: Path) -> MemoryRegistry:
    """Four versions; the builder has put 1, 2 and 3 into production."""
    return filled(tmp_path)


def filled(folder: Path) -> MemoryRegistry:
    made = MemoryRegistry(folder)
    for run_id in "abcd":
        (folder / run_id).mkdir(parents=True, exist_ok=True)
        made.register(run_id)
    for number in (1, 2, 3):
        put_into_production(made, number, by="builder", reason="better", reference=number)
    return made


def state(registry: Production) -> tuple[int, int, int, bool]:
    """Production, previous and reference, and whether production is held."""
    numbers = []
    for alias in ("production", "previous", "reference"):
        info = registry.aliased(alias)
        numbers.append(info.number if info else 0)
    held = current_standing(registry).hold(datetime.now(UTC)) is not None
    return numbers[0], numbers[1], numbers[2], held


def by_builder(registry: Any) -> object:
    return put_into_production(registry, 4, by="builder", reason="better", reference=4)


def by_hand(registry: Any) -> object:
    return put_into_production(registry, 1, by="ann", reason="to see", held_until=FOREVER)


def back(registry: Any) -> object:
    return roll_back(registry, by="ann", reason="odd lists")


def hold_ended(registry: Any) -> object:
    by_hand(registry)
    return release(registry, by="ann", reason="seen")


@pytest.mark.parametrize(
    ("decide", "then"),
    [
        (by_builder, (4, 3, 4, False)),
        (by_hand, (1, 3, 3, True)),
        (back, (2, 1, 2, True)),
        (hold_ended, (1, 3, 3, False)),
    ],
)
def test_a_decision_is_carried_out(
    registry: MemoryRegistry,
    decide: Callable[[Any], object],
    then: tuple[int, int, int, bool],
) -> None:
    assert state(registry) == (3, 2, 3, False)
    decide(registry)
    assert state(registry) == then
    assert {one.outcome for one in registry.decisions(10)} == {Outcome.DONE}
    assert settle(registry, patience=AT_ONCE) == [], "nothing is left to mend"


@pytest.mark.parametrize("decide", [by_builder, by_hand, back])
def test_killed_between_any_two_steps_it_is_done_or_was_never_begun(
    tmp_path: Path, decide: Callable[[Any], object]
) -> None:
    before, after = state(filled(tmp_path / "old")), filled(tmp_path / "new")
    decide(after)
    died = 0
    for step in range(100):
        registry = filled(tmp_path / str(step))
        dying = Interrupted(registry, step)
        with suppress(KilledError):
            decide(dying)
            break
        died += 1
        assert settle(registry) == [], "its writer may be alive"
        mended = settle(registry, patience=AT_ONCE)
        begun = "note" in dying.writes
        assert state(registry) == (state(after) if begun else before)
        assert len(mended) == int(begun)
        assert settle(registry, patience=AT_ONCE) == []
        assert {one.outcome for one in registry.decisions(10)} == {Outcome.DONE}
    assert died >= 5


def test_a_rollback_that_was_interrupted_and_is_repeated_is_one_step(tmp_path: Path) -> None:
    for step in range(1, 6):
        registry = filled(tmp_path / str(step))
        with pytest.raises(KilledError):
            back(Interrupted(registry, step))
        back(registry)
        assert state(registry) == (2, 1, 2, True)


@pytest.mark.parametrize("first", [by_builder, by_hand])
def test_of_two_at_once_the_later_one_stands(
    tmp_path: Path, first: Callable[[Any], object]
) -> None:
    """A person decides while the first is between two steps, and the first goes on."""
    for step in range(100):
        registry = filled(tmp_path / str(step))

        def second(registry: MemoryRegistry = registry) -> None:
            put_into_production(registry, 2, by="bob", reason="sure", held_until=FOREVER)

        late = Interrupted(registry, step, second)
        first(late)
        if len(late.writes) <= step:
            break
        is_last = registry.decisions(1)[-1].by == "bob"
        assert state(registry)[0] == (2 if is_last or first is by_builder else 1)
        assert settle(registry, patience=AT_ONCE) == []
    assert step >= 5


def test_the_builder_waits_for_the_release_of_what_a_person_holds(
    registry: MemoryRegistry,
) -> None:
    back(registry)
    assert by_builder(registry) is None
    assert state(registry)[0] == 2
    assert registry.decisions(1)[-1].outcome is Outcome.VOID
    assert release(registry, by="ann", reason="mended")
    assert not release(registry, by="ann", reason="mended")
    assert by_builder(registry) is not None
    assert state(registry)[0] == 4


def test_a_hold_ends_by_itself(registry: MemoryRegistry) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=1)
    put_into_production(registry, 1, by="ann", reason="a short look", held_until=soon)
    while datetime.now(UTC) <= soon:
        pass
    assert by_builder(registry) is not None


def test_rollbacks_go_further_back_and_come_to_an_end(registry: MemoryRegistry) -> None:
    numbers = [roll_back(registry, by="ann", reason="").number for _ in range(2)]
    assert numbers == [2, 1]
    assert registry.aliased("previous") is None
    with pytest.raises(DecisionError, match="no version to go back to"):
        back(registry)


def test_a_rollback_passes_over_what_was_deleted(registry: MemoryRegistry) -> None:
    class Without2(Interrupted):
        def __getattr__(self, name: str) -> Any:
            if name == "version":
                return self.version_but_2
            return getattr(self.registry, name)

        def version_but_2(self, number: int) -> object:
            if number == 2:
                raise VersionNotFoundError("no version 2")
            return self.registry.version(number)

    assert roll_back(Without2(registry, -1), by="ann", reason="").number == 1


def test_what_was_moved_in_mlflow_itself_is_noted_and_held(registry: MemoryRegistry) -> None:
    registry.point("production", 1)
    (sentence,) = settle(registry)
    assert "version 1 was put into production in MLflow itself" in sentence
    assert state(registry) == (1, 3, 3, True)
    assert registry.decisions(1)[-1].action is Action.FOUND
    assert by_builder(registry) is None
    assert roll_back(registry, by="ann", reason="").number == 3


def test_an_alias_that_was_taken_away_is_put_back(registry: MemoryRegistry) -> None:
    registry.unpoint("production")
    assert settle(registry) == ["the alias production was gone; it is back"]
    assert state(registry)[0] == 3


def test_a_clock_that_is_behind_does_not_lose_a_decision(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    monkeypatch.setattr("mlproject.pipelines.decide._now", lambda: yesterday)
    back(registry)
    assert state(registry)[0] == 2


def test_what_was_in_production_before_there_was_a_journal_is_the_way_back(
    tmp_path: Path,
) -> None:
    registry = filled(tmp_path)
    registry.kept_decisions.clear()
    assert settle(registry) == []
    by_builder(registry)
    assert roll_back(registry, by="ann", reason="").number == 3
