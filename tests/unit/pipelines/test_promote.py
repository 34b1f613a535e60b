"""Promotion by hand: which version it takes."""

from pathlib import Path

import pytest

from mlproject.core.errors import VersionNotFoundError
from mlproject.pipelines.promote import promote
from mlproject.testing import MemoryRegistry


@pytest.fixture
def registry(tmp_path: Path) -> MemoryRegistry:
    """Three runs with models; the first two are versions, the first is in production."""
    for run_id in ("a", "b", "c"):
        (tmp_path / run_id).mkdir()
    made = MemoryRegistry(tmp_path)
    for run_id in ("a", "b"):
        made.register(run_id)
    made.promote(1, by="builder", reason="first")
    return made


def in_production(registry: MemoryRegistry) -> tuple[int, str] | None:
    found = registry.production()
    return (found.number, found.run_id) if found else None


def test_the_newest_version_is_taken_when_none_is_named(registry: MemoryRegistry) -> None:
    info = promote(registry, by="ann", reason="by hand")
    assert (info.number, info.aliases) == (2, ("production",))
    noted = {"promoted_by": "ann", "reason": "by hand", "promoted_from": "1"}
    assert noted.items() <= info.tags.items()
    assert registry.version(1).aliases == ("previous",)


def test_an_older_version_can_be_gone_back_to(registry: MemoryRegistry) -> None:
    promote(registry, by="ann", reason="try")
    promote(registry, version=1, by="ann", reason="back")
    assert in_production(registry) == (1, "a")
    assert registry.version(2).aliases == ("previous",)


def test_a_runs_model_becomes_a_version_once(registry: MemoryRegistry) -> None:
    for _ in range(2):
        promote(registry, run_id="c", by="ann", reason="better than it looks")
        assert in_production(registry) == (3, "c")
    promote(registry, run_id="b", by="ann", reason="back")
    assert in_production(registry) == (2, "b")
    assert len(registry.versions()) == 3


@pytest.mark.parametrize("wanted", [{"version": 9}, {"version": 0}, {"run_id": "no such"}])
def test_what_is_not_there_is_not_found(
    registry: MemoryRegistry, wanted: dict[str, object]
) -> None:
    with pytest.raises(VersionNotFoundError):
        promote(registry, **wanted, by="ann", reason="")
    assert in_production(registry) == (1, "a")


def test_without_any_version_the_way_to_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(VersionNotFoundError, match="`tvrec train` makes one"):
        promote(MemoryRegistry(tmp_path), by="ann", reason="")
