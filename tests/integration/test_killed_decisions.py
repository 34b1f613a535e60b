"""A real MLflow, and processes that are killed before each of their writes, or two at once."""

import multiprocessing
import os
import signal
import uuid
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from mlproject.core.decisions import FOREVER, Outcome, standing
from mlproject.models.files import save_model
from mlproject.pipelines.decide import WINDOW, put_into_production, release, roll_back, settle
from mlproject.pipelines.retain import Keep, find_waste, throw_away
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.registry.mlflow_server import MlflowServer
from tests.builders import model
from tests.quick_runs import log_quickly

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

AT_ONCE = timedelta(0)
NOTHING = Keep(AT_ONCE, AT_ONCE, AT_ONCE, history=1)
ALL = 100
KILLED = -signal.SIGKILL


def do(action: str, registry: MlflowRegistry) -> None:
    match action:
        case "build":
            new = another(registry, 3, 4)
            put_into_production(registry, new, by="builder", reason="better", reference=new)
        case "promote":
            new = another(registry, 1, 2)
            put_into_production(registry, new, by="ann", reason="to see", held_until=FOREVER)
        case "rollback":
            roll_back(registry, by="ann", reason="odd lists")
        case "release":
            release(registry, by="ann", reason="seen")
        case "retain":
            throw_away(registry, find_waste(registry, NOTHING, soon()))


def another(registry: MlflowRegistry, first: int, second: int) -> int:
    """Choose what is not in production: of what is, nothing would be left to write."""
    current = registry.production()
    return second if current and current.number == first else first


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def act(uri: str, name: str, action: str, left: int) -> None:
    """Do one thing as a process that is gone before it sends one write more than it may."""
    request, answer = MlflowServer._request, MlflowServer.answer

    def count(method: str, url: str) -> None:
        nonlocal left
        if method == "GET" or url.endswith("/search"):
            return
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def counted_request(server: MlflowServer, method: str, url: str, **options: Any) -> Any:
        count(method, url)
        return request(server, method, url, **options)

    def counted_answer(server: MlflowServer, method: str, url: str, **options: Any) -> Any:
        count(method, url)
        return answer(server, method, url, **options)

    MlflowServer._request = counted_request  # type: ignore[method-assign]
    MlflowServer.answer = counted_answer  # type: ignore[method-assign]
    do(action, MlflowRegistry(uri, experiment=name, model=name))


@pytest.fixture
def processes() -> ForkServerContext:
    # A process that has loaded everything forks the others, which saves their imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@pytest.fixture
def registry(mlflow_server: str, tmp_path: Path) -> MlflowRegistry:
    """Four versions; the builder has put 1, 2 and 3 into production."""
    name = f"killed-{uuid.uuid4().hex[:8]}"
    made = MlflowRegistry(mlflow_server, experiment=name, model=name)
    (tmp_path / "files").mkdir()
    save_model(model(), tmp_path / "files")
    files = {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()}
    for _ in range(4):
        made.register(log_quickly(made, files))
    for number in (1, 2, 3):
        put_into_production(made, number, by="builder", reason="better", reference=number)
    return made


def started(
    processes: ForkServerContext, registry: MlflowRegistry, action: str, left: int
) -> ForkServerProcess:
    process = processes.Process(target=act, args=(registry.uri, registry.model, action, left))
    process.start()
    return process


def is_killed(process: ForkServerProcess) -> bool:
    process.join(60)
    assert process.exitcode in {0, KILLED}
    return process.exitcode == KILLED


def is_consistent(registry: MlflowRegistry) -> None:
    """The aliases are what the journal says, and nothing of it is left to do."""
    decisions = registry.decisions(WINDOW)
    found = standing(decisions)
    assert {one.outcome for one in decisions} <= {Outcome.DONE, Outcome.VOID}
    wanted = {
        "production": found.production,
        "previous": next(reversed(found.way_back), 0),
        "reference": found.reference,
    }
    there = {alias: registry.aliased(alias) for alias in wanted}
    assert {alias: info.number if info else 0 for alias, info in there.items()} == wanted
    assert settle(registry, patience=AT_ONCE) == []


@pytest.mark.parametrize("action", ["build", "promote", "rollback", "release"])
def test_killed_before_any_write_it_is_made_one_state(
    processes: ForkServerContext, registry: MlflowRegistry, action: str
) -> None:
    killed = 0
    while True:
        if action in {"rollback", "release"}:  # there has to be a way back, and a hold that ends
            do("promote", registry)
        before = len(registry.decisions(WINDOW))
        if not is_killed(started(processes, registry, action, killed)):
            break
        settle(registry, patience=AT_ONCE)  # as the next build does, and `tvrec doctor --repair`
        assert len(registry.decisions(WINDOW)) - before == min(killed, 1), "noted first"
        is_consistent(registry)
        killed += 1
    assert killed >= (2 if action == "release" else 4)
    is_consistent(registry)


def test_of_several_at_once_one_state_is_left(
    processes: ForkServerContext, registry: MlflowRegistry
) -> None:
    for _ in range(2):
        running = [
            started(processes, registry, action, ALL)
            for action in ("promote", "build", "rollback", "release")
        ]
        for process in running:
            assert not is_killed(process)
        settle(registry, patience=AT_ONCE)
        is_consistent(registry)


def test_retention_that_is_killed_is_ended_by_the_next(
    processes: ForkServerContext, registry: MlflowRegistry, tmp_path: Path
) -> None:
    killed = 0
    # A model takes two writes: with one, nobody would get any further.
    while is_killed(started(processes, registry, "retain", 2 + killed % 2)):
        killed += 1
        assert killed < 20
    assert killed >= 3
    assert not find_waste(registry, NOTHING, soon())
    is_consistent(registry)
    registry.download(3, tmp_path / "got")
