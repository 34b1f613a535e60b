"""The guide says each thing once, when it has become true."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlproject import config, guide
from mlproject.bootstrap import App
from mlproject.core.errors import TrackingUnavailableError
from mlproject.core.runs import VersionInfo
from mlproject.testing import MemoryRegistry
from tests.builders import version

SETTINGS = config.Settings(mlflow_port=5001, service_port=3001)


@dataclass
class Registry(MemoryRegistry):
    """A registry whose production can be set."""

    in_production: VersionInfo | None = None

    def production(self) -> VersionInfo | None:
        self.check()
        return self.in_production


@dataclass
class Service:
    """A service that can be ready."""

    ready: bool = False

    def is_ready(self) -> bool:
        return self.ready


DOWN = TrackingUnavailableError("down")


def app(registry: Registry, service: Service | None = None) -> App:
    made = App(SETTINGS)
    made.registry, made.service = registry, service or Service()
    return made


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


def test_each_thing_is_said_once_and_in_its_time(tmp_path: Path) -> None:
    registry, service, said = Registry(tmp_path, failure=DOWN), Service(), []
    lines_before: list[int] = []

    def scene(**changes: object) -> Callable[[], None]:
        def change() -> None:
            lines_before.append(len(said))
            registry.__dict__.update(changes)

        return change

    stage = Stage(
        scenes=[
            scene(failure=None),
            scene(),
            scene(in_production=version(1, tags={"reason": "the first"})),
            lambda: setattr(service, "ready", True),
            scene(failure=DOWN),
            scene(failure=None),
            scene(in_production=version(2, tags={"reason": "a better one"})),
            scene(),
        ]
    )
    guide.follow(app(registry, service), stage, said.append)

    assert lines_before[0] == 0, "nothing is there yet"
    assert said[0] == "MLflow is at http://127.0.0.1:5001"
    assert "version 1 is in production: the first" in said
    assert said[-1] == "version 2 is in production: a better one"
    assert len(said) == len(set(said))
    (hint,) = [line for line in said if line.startswith("try: ")]
    assert hint == (
        "try: curl -s http://127.0.0.1:3001/recommend "
        """-H 'Content-Type: application/json' -d '{"user_id": 1, "num_items": 10}'"""
    )
    assert "see what it recommends: http://127.0.0.1:3001/" in said
    assert said.index(hint) > said.index("version 1 is in production: the first")


def test_a_version_without_a_reason_is_said_too(tmp_path: Path) -> None:
    said: list[str] = []
    guide.follow(app(Registry(tmp_path, in_production=version(4))), Stage(), said.append)
    assert any(line.startswith("version 4 is in production") for line in said)


def test_stopped_before_it_begins_it_says_nothing(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    said: list[str] = []
    guide.follow(app(Registry(tmp_path)), stop, said.append)
    assert said == []
