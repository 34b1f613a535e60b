"""The doctor: a finding for every part, whatever is wrong with the others."""

from pathlib import Path

import pytest

from mlproject import bootstrap, config, doctor
from mlproject.batches.sink import BatchSink
from mlproject.config import Settings
from mlproject.core.errors import TrackingUnavailableError
from mlproject.serving.client import ServiceClient
from mlproject.testing import MemoryRegistry
from tests.builders import put_catalogue, ratings, shows

PARTS = ["state folder", "catalogue", "ratings", "MLflow", "production", "service"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.load(state_dir=tmp_path / "state")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryRegistry:
    made = MemoryRegistry(tmp_path / "registry")
    monkeypatch.setattr(bootstrap, "registry", lambda _: made)
    monkeypatch.setattr(ServiceClient, "is_ready", lambda _: False)
    return made


def fill(settings: Settings) -> None:
    store = bootstrap.object_store(settings)
    put_catalogue(store, shows(3))
    sink = BatchSink(store)
    sink.append(ratings(5))
    sink.flush()


def put_into_production(registry: MemoryRegistry) -> None:
    (registry.folder / "run1").mkdir(parents=True)
    registry.promote(registry.register("run1").number, by="ann", reason="it is good")


def test_all_is_well(
    settings: Settings, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings)
    put_into_production(registry)
    monkeypatch.setattr(ServiceClient, "is_ready", lambda asked: asked.url == settings.service_url)
    findings = doctor.examine(settings)
    assert [finding.part for finding in findings] == PARTS
    assert [finding.ok for finding in findings] == [True] * 6
    store = (settings.state_dir / "store").as_uri()
    assert [finding.text for finding in findings] == [
        f"{settings.state_dir} can be written",
        f"3 shows in {store}",
        f"1 batches in {store}",
        "answers at http://127.0.0.1:5000",
        "version 1: it is good",
        "ready at http://127.0.0.1:3000",
    ]


def test_before_the_first_start_every_finding_says_what_to_do(
    settings: Settings, registry: MemoryRegistry
) -> None:
    found = {finding.part: finding for finding in doctor.examine(settings)}
    assert list(found) == PARTS
    assert [part for part in PARTS if found[part].ok] == ["state folder", "MLflow"]
    assert "`tvrec export-shows`" in found["catalogue"].text
    assert "`tvrec generate-ratings`" in found["ratings"].text
    assert "`tvrec train`" in found["production"].text
    assert "`make run` starts it" in found["service"].text
    assert registry.versions() == []


def test_one_part_that_fails_does_not_hide_the_others(
    settings: Settings, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise TrackingUnavailableError("MLflow does not answer")

    fill(settings)
    put_into_production(registry)
    monkeypatch.setattr(registry, "ping", down)
    found = {finding.part: finding for finding in doctor.examine(settings)}
    assert found["MLflow"].text == "MLflow does not answer"
    assert [part for part in PARTS if not found[part].ok] == ["MLflow", "service"]


def test_a_state_folder_that_cannot_be_written_is_found(
    tmp_path: Path, registry: MemoryRegistry
) -> None:
    (tmp_path / "file").touch()
    findings = doctor.examine(config.load(state_dir=tmp_path / "file" / "state"))
    assert not findings[0].ok
    assert "another folder with TVREC_STATE_DIR" in findings[0].text
    assert registry.versions() == []
