"""The application with fakes around it, behind its entrance."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from mlproject import config
from mlproject.batches.log import BatchRatingLog
from mlproject.config import Settings
from mlproject.serving.application import application
from mlproject.serving.entrance import Entrance
from mlproject.serving.metrics import ServiceMetrics
from mlproject.serving.recommender import Recommender
from mlproject.serving.trial import Trial
from mlproject.testing import MemoryHistories, MemoryStore
from mlproject.tracing import Tracing
from tests.builders import model


@dataclass
class FakeWatcher:
    """A watcher whose model is set by the test; it notes its start and its end."""

    current: Recommender | None = field(default_factory=lambda: Recommender(3, model()))
    on_swap: Callable[[int], object] | None = None
    failures: int = 0
    told: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.told.append("start")

    def stop(self) -> None:
        self.told.append("stop")


@dataclass
class FakeAdapters:
    """What the application needs, with ratings in the memory store."""

    rating_log: BatchRatingLog
    watcher: FakeWatcher
    settings: Settings
    user_histories: MemoryHistories = field(default_factory=MemoryHistories)
    service_metrics: ServiceMetrics = field(
        default_factory=lambda: ServiceMetrics(CollectorRegistry())
    )

    trial: Trial | None = None
    traced: Tracing | None = None

    def tracing(self, _: str) -> Tracing | None:
        return self.traced

    def model_watcher(self, on_swap: Callable[[int], object]) -> FakeWatcher:
        self.watcher.on_swap = on_swap
        return self.watcher


@pytest.fixture
def watcher() -> FakeWatcher:
    return FakeWatcher()


@pytest.fixture
def opened() -> list[FakeAdapters]:
    """The adapters that are open."""
    return []


@pytest.fixture
def settings() -> Settings:
    """A test file may have settings of its own."""
    return config.load(max_items=50)


@pytest.fixture
def app(
    store: MemoryStore, watcher: FakeWatcher, opened: list[FakeAdapters], settings: Settings
) -> FastAPI:
    @contextmanager
    def open_adapters() -> Iterator[FakeAdapters]:
        with closing(BatchRatingLog(store, linger_seconds=0)) as log:
            opened.append(FakeAdapters(log, watcher, settings))
            yield opened[0]
            opened.clear()

    return application(open_adapters)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(Entrance(app, app)) as made:
        yield made
