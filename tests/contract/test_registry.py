"""What every registry of runs and versions must do: the fake, and a real MLflow server."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from mlproject.core.cancel import Cancelled
from mlproject.core.decisions import FOREVER, Action, Decision, Outcome
from mlproject.core.errors import TrackingUnavailableError, VersionNotFoundError
from mlproject.core.ports import ModelRegistry
from mlproject.core.runs import LoggedModel, RunInfo
from mlproject.models.files import save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.testing import MemoryRegistry
from tests.builders import model

pytestmark = pytest.mark.filterwarnings(
    # MLflow's own deprecated calls are not ours to mend.
    "ignore::FutureWarning",
    "ignore::UserWarning",
    "ignore:Operation with range is deprecated",
)


@dataclass(frozen=True)
class Place:
    """An empty registry, and what a test cannot do by its port.

    ``leave_open`` starts a run and never ends it; after ``go_away`` the server does not take
    the end of a run.
    """

    registry: ModelRegistry
    leave_open: Callable[[str], object]
    go_away: Callable[[], object]
    folder: Path

    def log_model(self) -> str:
        """Log a run with a model; return its id."""
        with self.registry.run("a run") as run:
            run.model(model_files(self.folder / uuid.uuid4().hex))
        return run.run_id

    def break_off(self, error: Exception) -> None:
        """Have the work of a run end by an error while the server goes away."""
        with self.registry.run("a run"):
            self.go_away()
            raise error


def model_files(folder: Path) -> Path:
    folder.mkdir(parents=True)
    save_model(model(), folder)
    return folder


def in_memory(folder: Path) -> Place:
    registry = MemoryRegistry(folder / "registry")

    def leave_open(by: str) -> None:
        with suppress(TrackingUnavailableError), registry.run("killed") as run:
            run.tags({"trained_by": by})
            go_away()
        registry.failure = None

    def go_away() -> None:
        registry.failure = TrackingUnavailableError("down")

    return Place(registry, leave_open, go_away, folder)


def on_server(uri: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    name = f"test-{uuid.uuid4().hex[:8]}"
    registry = MlflowRegistry(uri=uri, experiment=name, model=name)

    def leave_open(by: str) -> None:
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name(name)
        made = experiment.experiment_id if experiment else client.create_experiment(name)
        client.create_run(made, tags={"trained_by": by})

    def refuse(*_: object) -> None:
        raise MlflowException("down")

    def go_away() -> None:
        monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", refuse)

    return Place(registry, leave_open, go_away, folder)


@pytest.fixture(params=["memory", pytest.param("mlflow", marks=pytest.mark.e2e)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "memory":
        return in_memory(tmp_path)
    return on_server(request.getfixturevalue("mlflow_server"), tmp_path, monkeypatch)


@pytest.fixture
def registry(place: Place) -> ModelRegistry:
    return place.registry


def test_a_run_keeps_what_was_logged(registry: ModelRegistry) -> None:
    with registry.run("a run") as log:
        log.params({"epochs": 3, "split": "auto"})
        log.metrics({"precision_at_10": 0.25})
        log.tags({"reason": "because"})
        log.dataset("ratings", "abc", "file:///data")
    (run,) = registry.runs(10)
    assert (run.run_id, run.name, run.status) == (log.run_id, "a run", "FINISHED")
    assert run.params == {"epochs": "3", "split": "auto"}
    assert run.metrics["precision_at_10"] == 0.25
    assert run.tags["reason"] == "because"
    assert run.started_at.utcoffset() is not None


def test_a_run_within_another_is_its_child_and_both_keep_their_own(registry: ModelRegistry) -> None:
    with registry.run("outer") as outer:
        with registry.run("inner") as inner:
            inner.params({"epochs": 3})
        outer.metrics({"trials": 1})
    found = {run.name: run for run in registry.runs(10)}
    assert (found["inner"].parent, found["outer"].parent) == (outer.run_id, "")
    assert (found["inner"].params, found["outer"].params) == ({"epochs": "3"}, {})
    assert found["outer"].metrics["trials"] == 1
    assert "trials" not in found["inner"].metrics


def test_a_run_is_found_by_its_id(registry: ModelRegistry) -> None:
    with registry.run("a run") as log:
        pass
    assert registry.find_run(log.run_id) == registry.runs(1)[0]
    assert registry.find_run("0" * 32) is None
    assert registry.find_run("") is None, "of a version that was made without a run"


def test_the_newest_runs_come_first(registry: ModelRegistry) -> None:
    ids = []
    for name in ("first", "second", "third"):
        with registry.run(name) as log:
            ids.append(log.run_id)
    assert [run.run_id for run in registry.runs(10)] == ids[::-1]
    assert [run.run_id for run in registry.runs(2)] == ids[:0:-1]


def test_a_run_is_open_while_its_work_goes_on(registry: ModelRegistry) -> None:
    with registry.run("a run"):
        assert registry.runs(1)[0].status == "RUNNING"


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("broken"), "FAILED"), (Cancelled(), "KILLED")]
)
def test_a_run_ends_as_its_work_ended(
    registry: ModelRegistry, error: Exception, status: str
) -> None:
    with pytest.raises(type(error)) as caught, registry.run("a run"):
        raise error
    assert caught.value is error
    assert registry.runs(1)[0].status == status


@pytest.mark.parametrize("error", [ValueError("broken"), Cancelled()])
def test_a_server_that_goes_away_does_not_hide_what_ended_the_work(
    place: Place, error: Exception
) -> None:
    with pytest.raises(type(error)) as caught:
        place.break_off(error)
    assert caught.value is error


def test_work_that_is_done_fails_if_the_server_cannot_be_told(place: Place) -> None:
    with pytest.raises(TrackingUnavailableError), place.registry.run("a run"):
        place.go_away()


def test_runs_that_were_left_open_are_ended_for_who_left_them(place: Place) -> None:
    with place.registry.run("finished") as log:
        log.tags({"trained_by": "builder"})
    place.leave_open("builder")
    assert place.registry.end_abandoned("somebody else") == 0
    assert place.registry.end_abandoned("builder") == 1
    assert place.registry.end_abandoned("builder") == 0
    assert sorted(run.status for run in place.registry.runs(10)) == ["FINISHED", "KILLED"]


def test_before_the_first_run_there_is_nothing(registry: ModelRegistry) -> None:
    registry.ping()
    assert registry.page()
    assert list(registry.runs(5)) == []
    assert list(registry.versions(10)) == []
    assert registry.production() is None
    assert registry.end_abandoned("x") == 0


@pytest.mark.parametrize("number", [0, 7])
def test_a_version_that_is_not_there_is_not_found(
    registry: ModelRegistry, tmp_path: Path, number: int
) -> None:
    calls = (
        registry.version,
        partial(put_into_production, registry, by="a test", reason=""),
        partial(registry.download, folder=tmp_path),
    )
    for call in calls:
        with pytest.raises(VersionNotFoundError, match=f"no version {number}"):
            call(number)


def test_a_runs_model_becomes_a_version(place: Place) -> None:
    run_id = place.log_model()
    made = place.registry.register(run_id)
    assert (made.number, made.run_id, made.aliases) == (1, run_id, ())
    assert place.registry.version(1) == made
    assert place.registry.production() is None


def test_a_run_without_a_model_and_a_run_that_is_not_there_become_none(
    registry: ModelRegistry,
) -> None:
    with registry.run("empty") as log:
        pass
    for run_id in (log.run_id, "0" * 32):
        with pytest.raises(VersionNotFoundError, match=run_id):
            registry.register(run_id)
    assert list(registry.versions(10)) == []


def test_promotion_moves_the_aliases_and_keeps_the_way_back(place: Place) -> None:
    registry = place.registry
    for _ in range(3):
        registry.register(place.log_model())
    for number in (1, 2, 3, 1):
        put_into_production(registry, number, by="a test", reason="why not")
    assert [info.number for info in registry.versions(10)] == [3, 2, 1]
    aliases = {info.number: info.aliases for info in registry.versions(10)}
    assert aliases == {3: ("previous",), 2: (), 1: ("production",)}


def test_a_promotion_is_noted_with_the_version(place: Place) -> None:
    registry = place.registry
    for _ in range(2):
        registry.register(place.log_model())
    first = put_into_production(registry, 1, by="ann", reason="the first")
    promoted = put_into_production(registry, 2, by="bob", reason="better")
    assert first is not None
    assert promoted is not None
    assert first.tags["promoted_from"] == ""
    noted = {"promoted_by": "bob", "promoted_from": "1", "reason": "better"}
    assert noted.items() <= promoted.tags.items()
    assert promoted.tags["promoted_at"].startswith("20")
    production = registry.production()
    assert production is not None
    assert (production.number, production.tags) == (2, promoted.tags)


def test_what_is_in_production_stays_as_it_was_promoted(place: Place) -> None:
    place.registry.register(place.log_model())
    first = put_into_production(place.registry, 1, by="ann", reason="the first")
    again = put_into_production(place.registry, 1, by="bob", reason="again")
    assert again == first


def test_an_alias_is_pointed_at_one_version_and_moves(place: Place) -> None:
    for _ in range(2):
        place.registry.register(place.log_model())
    assert place.registry.aliased("reference") is None
    for number in (1, 2):
        place.registry.point("reference", number)
        found = place.registry.aliased("reference")
        assert found is not None
        assert found.number == number
    assert [info.aliases for info in place.registry.versions(10)] == [("reference",), ()]


def test_a_promotion_leaves_other_aliases_alone(place: Place) -> None:
    for _ in range(2):
        place.registry.register(place.log_model())
    place.registry.point("reference", 1)
    for number in (1, 2):
        put_into_production(place.registry, number, by="ann", reason="a try")
    aliases = {info.number: info.aliases for info in place.registry.versions(10)}
    assert aliases == {1: ("previous", "reference"), 2: ("production",)}


def test_tags_of_a_version_are_added_to_those_it_has(place: Place) -> None:
    place.registry.register(place.log_model())
    place.registry.tag(1, {"a": "1"})
    place.registry.tag(1, {"a": "2", "b": "3"})
    assert {"a": "2", "b": "3"}.items() <= place.registry.version(1).tags.items()


def test_the_files_of_a_version_are_those_that_were_logged(place: Place, tmp_path: Path) -> None:
    logged = model_files(tmp_path / "logged")
    with place.registry.run("a run") as run:
        run.model(logged)
    number = place.registry.register(run.run_id).number
    got = place.registry.download(number, tmp_path / "got")
    assert {path.name: path.read_bytes() for path in got.iterdir()} == {
        path.name: path.read_bytes() for path in logged.iterdir()
    }


LATER = datetime(2100, 1, 1, tzinfo=UTC)
RUN = RunInfo("a", "a run", "FINISHED", LATER, location="mlflow-artifacts:/1/a/artifacts")
MODEL = LoggedModel("m-a", "a", LATER, "mlflow-artifacts:/1/models/m-a/artifacts")
DECISION = Decision(
    datetime(2026, 11, 28, tzinfo=UTC), Action.PROMOTE, 1, 0, "ann", "a try", outcome=Outcome.DONE
)


def test_decisions_are_kept_in_their_order(registry: ModelRegistry) -> None:
    """As they were noted, whoever noted them, and the newest of them."""
    full = replace(
        DECISION,
        at=DECISION.at + timedelta(hours=1),
        version=2,
        before=1,
        by_hand=True,
        held_until=FOREVER,
        reference=2,
        reason="*why*",
    )
    short = replace(full, at=full.at + timedelta(hours=2), held_until=full.at + timedelta(hours=3))
    last, first, middle = [registry.note(one) for one in (short, DECISION, full)]
    assert first == replace(DECISION, decision_id=first.decision_id, outcome=Outcome.OPEN)
    assert list(registry.decisions(10)) == [first, middle, last]
    assert list(registry.decisions(2)) == [middle, last]


def test_more_decisions_than_a_page_of_the_server_are_read(registry: ModelRegistry) -> None:
    noted = [
        registry.note(replace(DECISION, at=DECISION.at + timedelta(minutes=minute)))
        for minute in range(105)
    ]
    assert list(registry.decisions(103)) == noted[2:]
    assert list(registry.decisions(999)) == noted


@pytest.mark.parametrize("news", [1, 9, 10, 11, 30])
def test_who_has_read_the_decisions_reads_what_others_have_done_since(
    registry: ModelRegistry, news: int
) -> None:
    def assert_read_as_by_another() -> None:
        another = replace(registry)  # type: ignore[type-var] # both are dataclasses
        for limit in (5, 20, 100):
            assert list(registry.decisions(limit)) == list(another.decisions(limit))

    noted = []
    for minute in range(15 + news):
        decision = replace(DECISION, at=DECISION.at + timedelta(minutes=minute))
        noted.append(registry.note(decision))
        if minute == 14:
            assert_read_as_by_another()
    assert_read_as_by_another()
    for one in noted:
        registry.conclude(replace(one, outcome=Outcome.DONE))
    assert_read_as_by_another()


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.VOID])
def test_what_became_of_a_decision_is_kept(registry: ModelRegistry, outcome: Outcome) -> None:
    noted = registry.note(DECISION)
    registry.conclude(replace(noted, outcome=outcome))
    (kept,) = registry.decisions(5)
    assert kept == replace(noted, outcome=outcome)


def test_an_alias_is_taken_away(place: Place) -> None:
    place.registry.register(place.log_model())
    place.registry.point("reference", 1)
    for _ in range(2):
        place.registry.unpoint("reference")
        assert place.registry.aliased("reference") is None


def test_an_alias_of_no_version_is_refused(place: Place) -> None:
    place.registry.register(place.log_model())
    with pytest.raises(VersionNotFoundError, match="no version 9"):
        place.registry.point("reference", 9)


def test_a_run_is_found_by_the_start_of_its_id(registry: ModelRegistry) -> None:
    with registry.run("a run") as log:
        pass
    assert registry.run_id(log.run_id) == registry.run_id(log.run_id[:4]) == log.run_id
    for start in ("nobody", "%", "' or"):
        with pytest.raises(VersionNotFoundError, match="no run"):
            registry.run_id(start)


def test_a_run_is_given_another_name(registry: ModelRegistry) -> None:
    with registry.run("a run") as log:
        pass
    registry.rename(log.run_id, "promote version 1")
    assert [run.name for run in registry.runs(9)] == ["promote version 1"]


def test_what_a_run_says_is_amended(registry: ModelRegistry) -> None:
    with registry.run("a run") as log:
        log.tags({"decision": "promoted", "verdict": "promote"})
        log.note("**promoted**")
    registry.amend(log.run_id, {"decision": "kept"}, "**kept**")
    run = registry.find_run(log.run_id)
    assert run is not None
    assert (run.tags["decision"], run.tags["verdict"]) == ("kept", "promote")
    assert run.status == "FINISHED"


def test_versions_are_found_by_their_runs(place: Place) -> None:
    ids = [place.log_model() for _ in range(3)]
    for run_id in (*ids, ids[0]):
        place.registry.register(run_id)
    found = place.registry.versions_of([ids[0], ids[2]])
    assert [info.number for info in found] == [4, 3, 1]
    assert list(place.registry.versions_of([])) == []
    assert [info.number for info in place.registry.versions(2)] == [4, 3]


def test_a_version_that_was_dropped_is_gone_and_its_number_is_not_given_again(place: Place) -> None:
    registry = place.registry
    for _ in range(2):
        registry.register(place.log_model())
    for _ in range(2):
        registry.drop_version(2)
    assert [info.number for info in registry.versions(10)] == [1]
    with pytest.raises(VersionNotFoundError):
        registry.version(2)


def test_a_model_that_was_dropped_is_gone_and_its_run_stays(place: Place) -> None:
    registry = place.registry
    first, second = place.log_model(), place.log_model()
    (model,) = registry.models_before(LATER, 1)
    assert model.run_id == first
    for _ in range(2):
        registry.drop_model(model)
    assert [model.run_id for model in registry.models_before(LATER, 9)] == [second]
    assert registry.find_run(first) is not None
    assert list(registry.models_before(DECISION.at - timedelta(days=900), 9)) == []


def test_a_run_that_was_dropped_is_gone(place: Place) -> None:
    registry = place.registry
    assert list(registry.runs_before(LATER, 9)) == []
    first, second = place.log_model(), place.log_model()
    (run,) = registry.runs_before(LATER, 1)
    assert run.run_id == first
    for _ in range(2):
        registry.drop_run(run)
    assert [run.run_id for run in registry.runs_before(LATER, 9)] == [second]
    assert [run.run_id for run in registry.runs(9)] == [second]


def test_runs_are_found_by_a_tag(registry: ModelRegistry) -> None:
    for verdict in ("hold", "keep", "hold"):
        with registry.run("a run") as log:
            log.tags({"verdict": verdict})
    assert len(registry.runs_with("verdict", "hold", 9)) == 2
    assert len(registry.runs_with("verdict", "hold", 1)) == 1
    assert list(registry.runs_with("verdict", "promote", 9)) == []


CALLS: dict[str, Callable[[ModelRegistry], object]] = {
    "ping": lambda registry: registry.ping(),
    "page": lambda registry: registry.page(),
    "run": lambda registry: registry.run("a run").__enter__(),
    "end_abandoned": lambda registry: registry.end_abandoned("x"),
    "runs": lambda registry: registry.runs(1),
    "find_run": lambda registry: registry.find_run("a"),
    "versions": lambda registry: registry.versions(1),
    "version": lambda registry: registry.version(1),
    "aliased": lambda registry: registry.aliased("reference"),
    "production": lambda registry: registry.production(),
    "point": lambda registry: registry.point("reference", 1),
    "tag": lambda registry: registry.tag(1, {"a": "b"}),
    "register": lambda registry: registry.register("a"),
    "unpoint": lambda registry: registry.unpoint("reference"),
    "decisions": lambda registry: registry.decisions(1),
    "note": lambda registry: registry.note(DECISION),
    "conclude": lambda registry: registry.conclude(DECISION),
    "versions_of": lambda registry: registry.versions_of(["a"]),
    "run_id": lambda registry: registry.run_id("a"),
    "rename": lambda registry: registry.rename("a", "b"),
    "amend": lambda registry: registry.amend("a", {}, ""),
    "models_before": lambda registry: registry.models_before(LATER, 1),
    "runs_before": lambda registry: registry.runs_before(LATER, 1),
    "runs_with": lambda registry: registry.runs_with("a", "b", 1),
    "drop_version": lambda registry: registry.drop_version(1),
    "drop_model": lambda registry: registry.drop_model(MODEL),
    "drop_run": lambda registry: registry.drop_run(RUN),
    "download": lambda registry: registry.download(1, Path("nowhere")),
}


def test_every_call_is_tried_below() -> None:
    public = {name for name in dir(ModelRegistry) if not name.startswith("_")}
    assert set(CALLS) == public


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["memory", "mlflow"])
def test_a_server_that_is_down_is_one_clear_error(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = "http://127.0.0.1:9"
    down = TrackingUnavailableError(f"MLflow at {uri} does not answer")
    registries: dict[str, ModelRegistry] = {
        "memory": MemoryRegistry(tmp_path, failure=down),
        "mlflow": MlflowRegistry(uri=uri, experiment="x", model="x"),
    }
    with pytest.raises(TrackingUnavailableError, match=f"{uri} does not answer"):
        CALLS[name](registries[kind])
