"""bento/service.py: what BentoML is handed."""

import gc
import importlib.util
import os
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from starlette.testclient import TestClient

from mlproject.serving.application import serving
from mlproject.serving.recommender import Recommender
from tests.builders import model

SERVICE = Path(__file__).parents[2] / "bento" / "service.py"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bento/service.py, imported from its file: bento/ is no package."""
    monkeypatch.setenv("TVREC_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "True")
    with warnings.catch_warnings():
        # BentoML 1.4 uses, while it is imported, what pathspec and pydantic have deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        spec = importlib.util.spec_from_file_location("bento_service", SERVICE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _garbage_is_collected_again() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_a_worker_is_ready_with_a_model_and_watches_until_its_end(service: ModuleType) -> None:
    made = service.RecommendationsService.inner()
    with TestClient(service.app):
        watcher = serving(service.app).watcher
        assert watcher._thread.is_alive()
        assert gc.get_freeze_count() > 0
        assert not made.__is_ready__()
        watcher.current = Recommender(3, model())
        assert made.__is_ready__()
    watcher._thread.join(120)  # it may be importing MLflow
    assert not watcher._thread.is_alive()


def test_what_a_killed_worker_told_is_told_no_more(service: ModuleType, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    dead, alive, counted = (
        tmp_path / name
        for name in (
            f"gauge_livemax_{ended.pid}.db",
            f"gauge_livemax_{os.getpid()}.db",
            f"counter_{ended.pid}.db",
        )
    )
    for file in (dead, alive, counted):
        file.touch()
    service.bury_the_dead(str(tmp_path))
    assert not dead.exists()
    assert alive.exists()
    assert counted.exists(), "what has been counted stays"
