"""A person decides while a builder goes on: a real MLflow, real cycles, the real commands."""

import json
import subprocess
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlproject.batches.sink import BatchSink
from mlproject.core.aliases import PRODUCTION
from mlproject.events.simulator import Simulator
from mlproject.models.cache import ModelCache
from mlproject.objects.local import LocalStore
from mlproject.pipelines.build import Builder
from mlproject.pipelines.train import TrainParams, TrainResult
from mlproject.registry.gate import Rules
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.training.linear import LinearTrainer
from tests.builders import PYARROW_AND_PANDAS, put_catalogue, shows
from tests.servers import BIN, environment, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    PYARROW_AND_PANDAS,
    # MLflow's own deprecated calls are not ours to mend.
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore:Operation with range is deprecated"
    ),
]

SECONDS = 240
LINEAR = LinearTrainer(neighbours=10, ridge=3, dropout=0.2, prior=1, fewest_raters=2, seed=1)
# Every candidate is due, and may be as bad as it likes.
ALWAYS = Rules(max_age=timedelta(0), margin=1, reference_margin=1, leak=float("inf"))
PARAMS = TrainParams(
    seed=1, half_life_days=90, holdout=0.2, split="random", k=5, rules=ALWAYS, refit=False
)


@dataclass
class World:
    """A builder that goes on by itself, and a person at a terminal."""

    folder: Path
    registry: MlflowRegistry
    results: list[TrainResult] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    builder: "Future[None] | None" = None

    def build_until_stopped(self) -> None:
        store, catalogue = LocalStore(self.folder / "store"), shows(60)
        put_catalogue(store, catalogue)
        source = Simulator(
            catalogue,
            users=80,
            ratings=10_000,
            seed=1,
            now=lambda: datetime(2025, 1, 1, tzinfo=UTC),
        )
        sink = BatchSink(store)
        builder = Builder(
            store,
            self.registry,
            ModelCache(self.folder / "cache", self.registry.download),
            {PRODUCTION: [LINEAR]},
            TrainParams(
                seed=1,
                half_life_days=90,
                holdout=0.2,
                split="random",
                k=5,
                rules=ALWAYS,
                refit=False,
            ),
        )
        while not self.stop.is_set():
            sink.append(source.read(sink.position, 100 if sink.position else 1500))
            sink.flush()
            self.results += builder.build()

    def tvrec(self, *arguments: str) -> dict[str, Any]:
        """Run a command, and return the JSON that it prints."""
        done = subprocess.run(
            [BIN / "tvrec", *arguments, "--json"],
            env=environment(
                TVREC_STATE_DIR=str(self.folder / "person"),
                MLFLOW_TRACKING_URI=self.registry.uri,
                MLFLOW_EXPERIMENT_NAME=self.registry.experiment,
                TVREC_REGISTERED_MODEL=self.registry.model,
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def production(self) -> int:
        found = self.registry.production()
        return found.number if found else 0

    def wait_for(self, cycles: int) -> list[TrainResult]:
        """Wait until so many more trainings have ended; return their results."""
        before = len(self.results)
        self.wait_until(lambda: len(self.results) >= before + cycles, f"{cycles} cycles")
        return self.results[before:]

    def wait_until(self, done: Any, what: str) -> None:
        def is_done() -> bool:
            assert self.builder is not None
            if self.builder.done():
                self.builder.result()
            return bool(done())

        wait_until(is_done, SECONDS, what)

    def decision(self, result: TrainResult) -> str:
        run = self.registry.find_run(result.run_id)
        assert run is not None
        return run.tags["decision"]


@pytest.fixture
def world(mlflow_server: str, tmp_path: Path) -> Iterator[World]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    made = World(tmp_path, MlflowRegistry(mlflow_server, experiment=name, model=name, k=5))
    with ThreadPoolExecutor(1) as threads:
        made.builder = threads.submit(made.build_until_stopped)
        try:
            yield made
        finally:
            made.stop.set()
    made.builder.result()


def stays(world: World, version: int) -> None:
    """Go on until two trainings that began after the decision have ended."""
    first, *others = world.wait_for(3)
    assert world.production() == version
    assert world.decision(first).startswith(("kept: production is held by", "promoted"))
    for result in others:
        assert result.verdict.promote, "it would go into production, were it not held"
        assert result.version is None
        assert world.decision(result).startswith("kept: production is held by ")


def test_what_a_person_decides_stays_while_the_builder_goes_on(world: World) -> None:
    world.wait_until(lambda: world.production() >= 3, "three versions")
    back = world.tvrec("rollback")["version"]
    assert back < max(info.number for info in world.registry.versions(9))
    stays(world, back)

    assert world.tvrec("release")["released"]
    world.wait_until(lambda: world.production() > back + 1, "the builder's turn")

    assert world.tvrec("promote", "--version", "1")["version"] == 1
    stays(world, 1)
    assert world.tvrec("release")["released"]
    world.wait_until(lambda: world.production() > 1, "the builder's turn")
