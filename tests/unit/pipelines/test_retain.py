"""What is kept, and what is thrown away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import TrackingUnavailableError
from mlproject.core.runs import RunInfo, VersionInfo
from mlproject.pipelines.decide import put_into_production, roll_back
from mlproject.pipelines.retain import Keep, Retention, Waste, find_waste, throw_away
from mlproject.testing import MemoryRegistry

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEEP = Keep(timedelta(hours=2), timedelta(days=7), timedelta(days=30), history=3)


def at(days: float) -> datetime:
    return NOW - timedelta(days=days)


class Place(MemoryRegistry):
    """A registry whose runs and versions are as old as a test says."""

    def logged(self, days: float, verdict: str = "keep") -> str:
        run_id = f"run{len(self.kept_runs) + 1}"
        (self.folder / run_id).mkdir(parents=True)
        self.kept_runs.append(RunInfo(run_id, "", "FINISHED", at(days), tags={"verdict": verdict}))
        return run_id

    def made(self, days: float) -> int:
        info = self.register(self.logged(days, "promote"))
        self._replace(replace(info, created_at=at(days)))
        return info.number


@pytest.fixture
def registry(tmp_path: Path) -> Place:
    return Place(tmp_path)


def waste_of(registry: Place, keep: Keep = KEEP) -> tuple[list[int], list[str], list[str]]:
    found = find_waste(registry, keep, NOW)
    return (
        [info.number for info in found.versions],
        [model.run_id for model in found.models],
        [run.run_id for run in found.runs],
    )


def test_of_an_empty_registry_nothing_goes(registry: Place) -> None:
    assert not find_waste(registry, KEEP, NOW)


def test_a_losing_run_loses_its_model_and_then_goes(registry: Place) -> None:
    old, loser, _ = registry.logged(8), registry.logged(1), registry.logged(0.01)
    assert waste_of(registry) == ([], [old, loser], [old])


def test_what_is_held_for_a_person_keeps_its_model_as_long_as_its_run(registry: Place) -> None:
    old, _ = registry.logged(8, "hold"), registry.logged(6, "hold")
    assert waste_of(registry) == ([], [old], [old])


def test_a_version_goes_with_its_run_and_its_model(registry: Place) -> None:
    old, _ = registry.made(31), registry.made(29)
    assert waste_of(registry) == ([old], ["run1"], ["run1"])


def test_what_has_an_alias_stays_and_so_does_what_it_was_made_of(registry: Place) -> None:
    for alias in ("production", "previous", "reference", "challenger", "anything"):
        registry.point(alias, registry.made(400))
    assert waste_of(registry) == ([], [], [])


def test_what_the_newest_decisions_name_stays(registry: Place) -> None:
    for _ in range(6):
        put_into_production(registry, registry.made(100), by="builder", reason="better")
    for alias in ("production", "previous"):
        registry.unpoint(alias)
    gone, _, _ = waste_of(registry)
    assert gone == [1, 2], "the last three decisions name 3 to 6"


def test_what_was_thrown_away_leaves_nothing_to_throw_away(registry: Place) -> None:
    for days in (0, 1, 8, 31, 400):
        registry.logged(days)
        registry.made(days)
    throw_away(registry, find_waste(registry, KEEP, NOW))
    assert not find_waste(registry, KEEP, NOW)
    assert sorted(path.name for path in registry.folder.iterdir()) == [
        "run1", "run2", "run4", "run6",
    ]  # fmt: skip


@given(
    ages=st.lists(st.floats(0, 100), max_size=12),
    moves=st.lists(st.integers(1, 12), max_size=8),
    stop_after=st.integers(0, 30),
)
def test_production_and_the_way_back_outlive_any_passes_even_broken_off(
    tmp_path_factory: pytest.TempPathFactory, ages: list[float], moves: list[int], stop_after: int
) -> None:
    registry = Place(tmp_path_factory.mktemp("registry"))
    numbers = [registry.made(days) for days in ages]
    for move in moves:
        if move <= len(numbers):
            put_into_production(registry, numbers[move - 1], by="ann", reason="")
    before = registry.production(), registry.aliased("previous")
    steps = iter(range(stop_after))
    try:
        throw_away(registry, find_waste(registry, KEEP, NOW), lambda: next(steps, None) is None)
    except Cancelled:
        throw_away(registry, find_waste(registry, KEEP, NOW))
    assert not find_waste(registry, KEEP, NOW)
    assert (registry.production(), registry.aliased("previous")) == before
    for info in before:
        if info is not None:
            assert (registry.folder / info.run_id).is_dir()
            assert registry.find_run(info.run_id) is not None
    if before[1] is not None:
        assert roll_back(registry, by="ann", reason="").number == before[1].number


def test_a_pass_is_made_when_it_is_time_and_a_failure_waits_for_the_next(registry: Place) -> None:
    registry.logged(1)
    freed: list[int] = []
    retention = Retention(registry, KEEP, timedelta(hours=1), lambda: freed.append(1))
    first = retention.look(NOW)
    assert first is not None
    assert [model.run_id for model in first.models] == ["run1"]
    assert retention.look(NOW + timedelta(minutes=59)) is None
    registry.failure = TrackingUnavailableError("down")
    assert retention.look(NOW + timedelta(hours=1)) is None
    registry.failure = None
    assert retention.look(NOW + timedelta(hours=2)) == Waste([], [], [])
    assert len(freed) == 2


def test_a_sentence_says_how_much_it_is() -> None:
    waste = Waste([VersionInfo(1, "a", ())], [], [])
    assert waste.sentence == "1 versions, 0 models of runs without a version, 0 runs"
