"""Promotion by hand: which version it takes, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from mlproject.core.decisions import FOREVER
from mlproject.core.errors import ArtifactError, DecisionError, VersionNotFoundError
from mlproject.core.model import TrainedModel
from mlproject.models.files import save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.promote import chosen, promote
from mlproject.testing import MemoryRegistry
from tests.builders import model


@pytest.fixture
def registry(tmp_path: Path) -> MemoryRegistry:
    """Three runs with models; the first two are versions, the first is in production."""
    made = MemoryRegistry(tmp_path / "registry")
    for run_id in ("a", "b", "c"):
        (made.folder / run_id).mkdir(parents=True)
        save_model(model(), made.folder / run_id)
    for run_id in ("a", "b"):
        made.register(run_id)
    put_into_production(made, 1, by="builder", reason="first")
    return made


def nothing(_: TrainedModel) -> tuple[str, ...]:
    return ()


def too_alike(_: TrainedModel) -> tuple[str, ...]:
    return ("everyone gets the same list",)


def in_production(registry: MemoryRegistry) -> tuple[int, str] | None:
    found = registry.production()
    return (found.number, found.run_id) if found else None


def test_the_newest_version_is_meant_when_none_is_named(registry: MemoryRegistry) -> None:
    assert chosen(registry).number == 2


def test_a_runs_model_becomes_a_version_once(registry: MemoryRegistry) -> None:
    assert [chosen(registry, run_id="c").number for _ in range(2)] == [3, 3]
    assert chosen(registry, run_id="b").number == 2
    assert len(registry.versions(10)) == 3


def test_the_challenger_is_meant_by_its_alias(registry: MemoryRegistry) -> None:
    with pytest.raises(VersionNotFoundError, match="challenger"):
        chosen(registry, challenger=True)
    registry.point("challenger", 2)
    assert chosen(registry, challenger=True).number == 2


@pytest.mark.parametrize("wanted", [{"version": 9}, {"version": 0}, {"run_id": "no such"}])
def test_what_is_not_there_is_not_found(
    registry: MemoryRegistry, wanted: dict[str, object]
) -> None:
    with pytest.raises(VersionNotFoundError):
        chosen(registry, **wanted)


def test_without_any_version_the_way_to_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(VersionNotFoundError, match="`tvrec train` makes one"):
        chosen(MemoryRegistry(tmp_path))


def test_what_a_person_promotes_is_noted_and_held(registry: MemoryRegistry) -> None:
    info = promote(registry, registry.version(2), nothing, by="ann", reason="to see")
    assert (info.number, info.aliases) == (2, ("production",))
    noted = {"promoted_by": "ann", "reason": "to see", "promoted_from": "1"}
    assert noted.items() <= info.tags.items()
    assert registry.version(1).aliases == ("previous",)
    (_, decision) = registry.decisions(10)
    assert (decision.by_hand, decision.held_until) == (True, FOREVER)


def test_what_is_in_production_already_can_be_held(registry: MemoryRegistry) -> None:
    promote(registry, registry.version(1), nothing, by="ann", reason="keep it")
    assert in_production(registry) == (1, "a")
    assert registry.version(1).tags["promoted_by"] == "builder"
    assert put_into_production(registry, 2, by="builder", reason="better") is None


def truncate(folder: Path) -> None:
    path = folder / "popularity.npy"
    path.write_bytes(path.read_bytes()[:-4])


def replace_file(folder: Path) -> None:
    np.save(folder / "popularity.npy", np.ones(4, dtype=np.float32))


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("spoil", [truncate, replace_file, lose_manifest])
@pytest.mark.parametrize("force", [False, True])
def test_what_cannot_be_loaded_is_refused_by_force_too(
    registry: MemoryRegistry, spoil: object, *, force: bool
) -> None:
    spoil(registry.folder / "b")  # type: ignore[operator]
    with pytest.raises(ArtifactError, match="version 2 cannot be loaded, so it is not promoted"):
        promote(registry, registry.version(2), nothing, by="ann", reason="why", force=force)
    assert in_production(registry) == (1, "a")
    assert len(registry.decisions(10)) == 1


def test_what_must_not_be_served_takes_force(registry: MemoryRegistry) -> None:
    version = registry.version(2)
    with pytest.raises(DecisionError, match=r"everyone gets the same list \(--force --reason"):
        promote(registry, version, too_alike, by="ann", reason="why")
    assert in_production(registry) == (1, "a")
    promote(registry, version, too_alike, by="ann", reason="why", force=True)
    assert in_production(registry) == (2, "b")
