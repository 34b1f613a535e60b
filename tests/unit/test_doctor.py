"""The doctor: a finding for every part, whatever is wrong with the others."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlproject import config, doctor
from mlproject.batches.sink import BatchSink
from mlproject.bootstrap import App
from mlproject.core.errors import TrackingUnavailableError
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryRegistry
from tests.builders import promote_one, put_catalogue, ratings, shows

PARTS = ["state folder", "catalogue", "ratings", "MLflow", "production", "decisions", "service"]


class Service:
    """A service that can be ready."""

    ready = False

    def is_ready(self) -> bool:
        return self.ready

    def model(self) -> dict[str, object]:
        return {"version": 1}


@pytest.fixture
def app(tmp_path: Path) -> App:
    made = App(config.load(state_dir=tmp_path / "state"))
    made.registry, made.service = MemoryRegistry(tmp_path / "registry"), Service()
    return made


def fill(app: App) -> None:
    put_catalogue(app.store, shows(3))
    sink = BatchSink(app.store)
    sink.append(ratings(5))
    sink.flush()


def test_all_is_well(app: App) -> None:
    fill(app)
    promote_one(app.registry)
    app.service.ready = True
    findings = doctor.examine(app)
    assert [finding.part for finding in findings] == PARTS
    assert [finding.ok for finding in findings] == [True] * 7
    store = (app.settings.state_dir / "store").as_uri()
    assert [finding.text for finding in findings] == [
        f"{app.settings.state_dir} can be written",
        f"3 shows in {store}",
        f"1 batch in {store}",
        "answers at http://127.0.0.1:5000",
        "version 1: it is good",
        "production is not held",
        "ready at http://127.0.0.1:3000, serves version 1",
    ]


def test_before_the_first_start_every_finding_says_what_to_do(app: App) -> None:
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert list(found) == PARTS
    assert [part for part in PARTS if found[part].ok] == ["state folder", "MLflow", "decisions"]
    assert "`tvrec export-shows`" in found["catalogue"].text
    assert "`tvrec generate-ratings`" in found["ratings"].text
    assert "`tvrec train`" in found["production"].text
    assert "`make run` starts it" in found["service"].text


def test_one_part_that_fails_does_not_hide_the_others(app: App) -> None:
    fill(app)
    app.registry.failure = TrackingUnavailableError("MLflow does not answer")
    app.service.ready = True
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert found["MLflow"].text == "MLflow does not answer"
    assert [part for part in PARTS if not found[part].ok] == ["MLflow", "production", "decisions"]


def test_all_servers_are_asked_at_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits until the others are asked too; one after another, they would never be."""
    fill(app)
    promote_one(app.registry)
    asked = threading.Barrier(3)

    def meeting(method: Callable[..., Any]) -> Callable[..., Any]:
        met = threading.Event()

        def wait_and_answer(*args: Any) -> Any:
            if not met.is_set():
                met.set()
                asked.wait(timeout=10)
            return method(*args)

        return wait_and_answer

    for kind, method in ((LocalStore, "get"), (MemoryRegistry, "ping"), (Service, "is_ready")):
        monkeypatch.setattr(kind, method, meeting(getattr(kind, method)))
    assert [finding.part for finding in doctor.examine(app)] == PARTS


def test_a_state_folder_that_cannot_be_written_is_found(app: App, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app.settings = config.load(state_dir=tmp_path / "file" / "state")
    findings = doctor.examine(app)
    assert not findings[0].ok
    assert "another folder with TVREC_STATE_DIR" in findings[0].text


def test_foreign_objects_are_found(app: App) -> None:
    fill(app)
    app.store.put("topics/ratings/year=2024/ratings+0+1.json", b"{}")
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert not found["ratings"].ok
    assert "year=2024/ratings+0+1.json" in found["ratings"].text


@pytest.mark.parametrize(("count", "ok"), [(120, True), (102, False)])
def test_a_catalogue_of_other_shows_is_found(app: App, *, count: int, ok: bool) -> None:
    fill(app)
    put_catalogue(app.store, shows(count))
    ingest(app.store)
    found = {finding.part: finding for finding in doctor.examine(app)}
    share = "100.0% of the ratings (5 of 5)" if ok else "40.0% of the ratings (2 of 5)"
    assert f"the catalogue knows the shows of {share}" in found["ratings"].text
    assert found["ratings"].ok is ok


def test_rows_of_a_file_that_were_left_out_are_told(app: App) -> None:
    fill(app)
    note = {"source": "replayed", "seed": 1, "file": "own.csv", "rejected": 2}
    content = note | {"parts": [{"end": 5, "digest": "x"}]}
    app.store.put("state/stream.json", json.dumps(content).encode())
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert "; 2 of 7 rows of own.csv are left out" in found["ratings"].text


@pytest.mark.parametrize("spoil", ["truncated", "missing", "foreign"])
def test_production_that_cannot_be_loaded_is_found(app: App, spoil: str) -> None:
    promote_one(app.registry)
    file = app.registry.folder / "run1" / "popularity.npy"
    if spoil == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] if spoil == "truncated" else b"something else")
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert not found["production"].ok
    assert "version 1 cannot be loaded" in found["production"].text
    assert "`tvrec rollback`" in found["production"].text


def test_a_service_that_serves_another_version_is_found(app: App) -> None:
    for _ in range(2):
        promote_one(app.registry)
    app.service.ready = True
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert not found["service"].ok
    assert "serves version 1, and version 2 is in production" in found["service"].text


def test_a_decision_that_was_killed_is_found_and_repaired(app: App) -> None:
    for _ in range(2):
        promote_one(app.registry)
    app.registry.note(replace(app.registry.decisions(1)[0], version=1, by="ann"))
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert "promote of version 1 by ann was begun" in found["decisions"].text
    assert not found["decisions"].ok
    assert len(doctor.repair(app)) == 1
    assert app.registry.production().number == 1
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert found["decisions"].ok


def test_an_alias_that_was_moved_in_mlflow_is_found_and_noted(app: App) -> None:
    for _ in range(2):
        promote_one(app.registry)
    app.registry.point("production", 1)
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert "version 2 was decided for, and 1 is in production" in found["decisions"].text
    assert len(doctor.repair(app)) == 1
    found = {finding.part: finding for finding in doctor.examine(app)}
    assert "production is held by somebody" in found["decisions"].text
