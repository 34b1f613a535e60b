"""The guide says each thing once, when it has become true."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mlproject import config, guide
from mlproject.bootstrap import App
from tests import builders


class Mlflow(builders.Answers):
    """A server that can be down, and knows an experiment or not."""

    status = 503
    has_experiment = False

    def do_GET(self) -> None:  # noqa: N802 - the name is given
        if "get-by-name" in self.path:
            told = {"experiment": {"experiment_id": "7"}} if self.has_experiment else {}
            self.body = json.dumps(told).encode()
        super().do_GET()


@dataclass
class Service:
    """A service that can be ready, and answers from a version."""

    told: dict[str, Any] = field(default_factory=dict)

    def is_ready(self) -> bool:
        return bool(self.told)

    def model(self) -> dict[str, Any]:
        return self.told


@dataclass
class Stage(threading.Event):
    """Changes the scene at every wait, and stops after the last change."""

    scenes: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def wait(self, timeout: float | None = None) -> bool:
        if not self.scenes:
            self.set()
        else:
            self.scenes.pop(0)()
        return self.is_set()


@pytest.fixture
def mlflow() -> Iterator[tuple[str, type[Mlflow]]]:
    handler = type("Handler", (Mlflow,), {})
    with builders.serve(handler) as address:
        yield address, handler


def app(uri: str, service: Service) -> App:
    made = App(config.Settings(mlflow_tracking_uri=uri, service_port=3001))
    made.service = service
    return made


def test_each_thing_is_said_once_and_in_its_time(mlflow: tuple[str, type[Mlflow]]) -> None:
    (uri, server), service, said = mlflow, Service(), []
    lines_before: list[int] = []

    def scene(change: Callable[[], object] = lambda: None) -> Callable[[], None]:
        def next_scene() -> None:
            lines_before.append(len(said))
            change()

        return next_scene

    def answers(number: int, reason: str) -> Callable[[], object]:
        return scene(lambda: service.told.update(version=number, reason=reason))

    stage = Stage(
        scenes=[
            scene(lambda: setattr(server, "status", 200)),
            scene(),
            answers(1, "the first"),
            scene(lambda: setattr(server, "has_experiment", True)),
            scene(lambda: setattr(server, "status", 503)),
            answers(2, "a better one"),
            scene(),
        ]
    )
    guide.follow(app(uri, service), stage, said.append)

    assert lines_before[0] == 0, "nothing is there yet"
    assert said[0] == f"MLflow is at {uri}"
    assert said[-1] == "version 2 answers: a better one"
    assert len(said) == len(set(said))
    (hint,) = [line for line in said if line.startswith("try: ")]
    assert hint == (
        "try: curl -s http://127.0.0.1:3001/recommend "
        """-H 'Content-Type: application/json' -d '{"user_id": 1, "num_items": 10}'"""
    )
    assert "see what it recommends: http://127.0.0.1:3001/" in said
    assert said.index(hint) < said.index("version 1 answers: the first")
    (page,) = [line for line in said if line.startswith("compare the runs: ")]
    assert page.startswith(f"compare the runs: {uri}/#/experiments/7/runs")
    assert "`Override saved view`" in said[said.index(page) + 1]


def test_a_version_without_a_reason_is_said_too(mlflow: tuple[str, type[Mlflow]]) -> None:
    said: list[str] = []
    guide.follow(app(mlflow[0], Service({"version": 4})), Stage(), said.append)
    assert "version 4 answers" in said


def test_stopped_before_it_begins_it_says_nothing() -> None:
    stop = threading.Event()
    stop.set()
    said: list[str] = []
    guide.follow(app("http://127.0.0.1:9", Service({"version": 4})), stop, said.append)
    assert said == []
