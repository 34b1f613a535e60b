"""The watcher: follows the alias, and keeps what it has whatever goes wrong."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from mlproject.core.errors import (
    ArtifactError,
    StoreUnavailableError,
    TrackingUnavailableError,
)
from mlproject.core.model import TrainedModel
from mlproject.core.runs import RunInfo, VersionInfo
from mlproject.models.cache import KeptVersion
from mlproject.serving.watcher import ModelWatcher
from tests.builders import model, version
from tests.logged import messages

LOGGER = "mlproject.serving.watcher"

POLL_SECONDS = 0.01
BROKEN = model(history_weights=np.ones(2, np.float32))
"""Loads, and fails at the first answer."""


class Registry:
    """What is in production, and what loading it comes to."""

    def __init__(self) -> None:
        self.production: VersionInfo | None = None
        self.trouble: Exception | None = None
        self.load_trouble: Exception | None = None
        self.model = model()
        self.loaded: list[int] = []
        self.about: Mapping[str, Any] = {}
        self.looks = 0

    def look(self) -> VersionInfo | None:
        self.looks += 1
        if self.trouble:
            raise self.trouble
        return self.production

    def load(self, wanted: VersionInfo, about: Mapping[str, Any]) -> TrainedModel:
        if self.load_trouble:
            raise self.load_trouble
        self.loaded.append(wanted.number)
        self.about = about
        return self.model


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def watcher(registry: Registry) -> ModelWatcher:
    return ModelWatcher(registry.look, registry.load, lambda: None, POLL_SECONDS)


def serving(watcher: ModelWatcher) -> int | None:
    return watcher.current.version if watcher.current else None


def wait_until(done: Callable[[], bool]) -> None:
    moment = threading.Event()
    assert any(done() or moment.wait(0.01) for _ in range(6000)), "not within a minute"


def test_it_tells_how_a_version_was_measured_and_nothing_of_the_machine(
    registry: Registry,
) -> None:
    registry.production = version(3, "abc", tags={"reason": "the first"})
    measured = {"precision_at_10": 0.11, "auc": float("nan"), "system/disk_usage_percentage": 63.2}
    run = RunInfo("abc", "", "FINISHED", datetime(2026, 1, 2, tzinfo=UTC), measured)
    watcher = ModelWatcher(
        registry.look, registry.load, lambda: None, POLL_SECONDS, find_run=lambda _: run
    )
    watcher.look()
    assert watcher.current is not None
    about = watcher.current.about
    assert about["metrics"] == {"precision_at_10": 0.11}
    assert (about["run_id"], about["reason"]) == ("abc", "the first")
    assert about["trained_at"] == "2026-01-02T00:00:00+00:00"


def test_what_is_known_of_a_version_is_known_after_a_restart_without_the_registry(
    registry: Registry,
) -> None:
    registry.production = version(3, "abc", tags={"reason": "the first"})
    first = ModelWatcher(registry.look, registry.load, lambda: None, POLL_SECONDS)
    first.look()
    registry.trouble = TrackingUnavailableError("MLflow does not answer")
    kept = KeptVersion(3, model(), registry.about)
    again = ModelWatcher(registry.look, registry.load, lambda: kept, POLL_SECONDS)
    again.start()
    again.stop()
    assert first.current is not None
    assert again.current is not None
    before, after = first.current.about, again.current.about
    assert after["reason"] == "the first"
    assert before.pop("loaded_at") <= after.pop("loaded_at")
    assert before == after


def test_it_serves_nothing_before_a_version_is_in_production(
    watcher: ModelWatcher, caplog: pytest.LogCaptureFixture
) -> None:
    watcher.look()
    watcher.look()
    assert watcher.current is None
    assert messages(caplog, LOGGER) == ["no version is in production yet (not ready)"]


def test_it_swaps_to_a_new_version_and_loads_it_once(
    watcher: ModelWatcher, registry: Registry
) -> None:
    for number in (1, 2, 1):
        registry.production = version(number, f"run{number}")
        watcher.look()
        watcher.look()
        assert serving(watcher) == number
    assert registry.loaded == [1, 2, 1]


def test_the_same_number_of_another_run_is_another_version(
    watcher: ModelWatcher, registry: Registry
) -> None:
    registry.production = version(1, "before-the-reset")
    watcher.look()
    registry.production = version(1, "after-the-reset")
    watcher.look()
    assert registry.loaded == [1, 1]


FAILURES = {
    "the registry is down": {"trouble": TrackingUnavailableError("MLflow does not answer")},
    "the model is altered": {"load_trouble": ArtifactError("differs from its checksum")},
    "the disk is full": {"load_trouble": StoreUnavailableError("cannot write")},
    "a library surprises": {"load_trouble": RuntimeError("surprise")},
    "the first answer fails": {"model": BROKEN},
    "the alias is gone": {"production": None},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_the_old_model_stays_on_every_failure_and_the_new_one_comes_after(
    watcher: ModelWatcher, registry: Registry, failure: str
) -> None:
    registry.production = version(1, "run1")
    watcher.start()
    wait_until(lambda: serving(watcher) == 1)
    before, well = watcher.current, dict(registry.__dict__)
    registry.__dict__.update({"production": version(2, "run2")} | FAILURES[failure])
    looks = registry.looks
    wait_until(lambda: registry.looks > looks + 3)
    assert watcher.current is before
    registry.__dict__.update(well | {"production": version(2, "run2")})
    wait_until(lambda: serving(watcher) == 2)
    watcher.stop()


COMPLAINTS = {
    "the registry is down": "MLflow does not answer (version 1 stays)",
    "the model is altered": (
        "the version in production cannot be loaded: differs from its checksum (version 1 stays)"
    ),
    "the disk is full": "cannot write (version 1 stays)",
    "the alias is gone": "no version is in production yet (version 1 stays)",
}


@pytest.mark.parametrize("failure", COMPLAINTS)
def test_it_complains_once_per_trouble(
    watcher: ModelWatcher,
    registry: Registry,
    failure: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry.production = version(1, "run1")
    watcher.look()
    well = dict(registry.__dict__)
    caplog.set_level(logging.WARNING)
    for _ in range(2):  # the same trouble again, after it had passed, is said again
        registry.__dict__.update({"production": version(2, "run2")} | FAILURES[failure])
        for _ in range(3):
            watcher.look()
        registry.__dict__.update(well)
        watcher.look()
    assert messages(caplog, LOGGER) == [COMPLAINTS[failure]] * 2
    assert watcher.failures == (6 if failure == "the model is altered" else 0)


def test_it_complains_once_of_a_model_that_cannot_answer(
    watcher: ModelWatcher, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.production, registry.model = version(1), BROKEN
    watcher.start()
    wait_until(lambda: registry.looks > 5)
    watcher.stop()
    assert len(messages(caplog, LOGGER)) == 1


def test_it_starts_with_the_last_model_while_the_registry_is_down(registry: Registry) -> None:
    registry.trouble = TrackingUnavailableError("MLflow does not answer")
    watcher = ModelWatcher(
        registry.look, registry.load, lambda: KeptVersion(3, model()), POLL_SECONDS
    )
    watcher.start()
    assert serving(watcher) == 3, "at once, before the first look"
    wait_until(lambda: registry.looks > 2)
    assert serving(watcher) == 3
    registry.production, registry.trouble = version(4), None
    wait_until(lambda: serving(watcher) == 4)
    watcher.stop()


def test_a_last_model_that_cannot_answer_does_not_keep_it_from_starting(
    registry: Registry,
) -> None:
    registry.production = version(1)
    watcher = ModelWatcher(
        registry.look, registry.load, lambda: KeptVersion(3, BROKEN), POLL_SECONDS
    )
    watcher.start()
    wait_until(lambda: serving(watcher) == 1)
    watcher.stop()


def test_stop_ends_the_thread_and_keeps_the_model(
    watcher: ModelWatcher, registry: Registry
) -> None:
    registry.production = version(1)
    watcher.start()
    wait_until(lambda: serving(watcher) == 1)
    watcher.stop()
    looks = registry.looks
    assert not watcher._thread.is_alive()
    assert (registry.looks, serving(watcher)) == (looks, 1)


def test_stop_before_start_is_no_error(watcher: ModelWatcher) -> None:
    watcher.stop()
    assert watcher.current is None
