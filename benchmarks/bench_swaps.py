"""Swaps of the version under load: failed and mixed answers, the wait, and memory.

The application runs as in a worker, on uvloop and httptools, and its watcher sees another of two
versions of 12,294 shows in production at each look, with nothing between the looks but the
pause. Quiet and swapping seconds are measured in turn, in one process.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import uvicorn

from benchmarks.bench_serving import CONNECTIONS, model, tell
from benchmarks.load import post, run
from benchmarks.processes import memory_mb
from mlproject import config
from mlproject.config import Settings
from mlproject.core.model import TrainedModel
from mlproject.core.runs import VersionInfo
from mlproject.models.files import load_model, save_model
from mlproject.serving.application import application
from mlproject.serving.entrance import Entrance
from mlproject.serving.metrics import ServiceMetrics
from mlproject.serving.protocol import BoundedProtocol
from mlproject.serving.trial import Trial
from mlproject.serving.watcher import ModelWatcher
from mlproject.testing import MemoryHistories, MemoryRatingLog
from tests.servers import answers, environment, free_port, wait_until

SECONDS: Final = 3.0
SWAP: Final = "swap"
"""The file whose presence lets the version change."""


@dataclass
class Adapters:
    """What the application needs, with versions that change."""

    folder: Path
    settings: Settings = field(default_factory=config.load)
    rating_log: MemoryRatingLog = field(default_factory=MemoryRatingLog)
    user_histories: MemoryHistories = field(
        default_factory=lambda: MemoryHistories(
            {user: {1 + (7 * user + 31 * n) % 12_000: 9 for n in range(40)} for user in range(100)}
        )
    )
    service_metrics: ServiceMetrics = field(default_factory=ServiceMetrics)
    trial: Trial | None = None
    number: int = 1

    def tracing(self, _: str) -> None:
        """Want no spans."""

    def model_watcher(self, on_swap: Callable[[int], object]) -> ModelWatcher:
        """Return a watcher whose looks find the other version while the file is there."""

        def production() -> VersionInfo:
            if (self.folder / SWAP).exists():
                self.number += 1
            return VersionInfo(self.number, f"run{self.number}", ())

        def load(version: VersionInfo, _: Mapping[str, Any]) -> TrainedModel:
            return load_model(self.folder / str(version.number % 2))

        return ModelWatcher(production, load, lambda: None, 0.05, on_swap)


def serve(folder: Path, port: int) -> None:
    """Run the application as bento/service.py has a worker run it."""

    @contextmanager
    def adapters() -> Iterator[Adapters]:
        yield Adapters(folder)

    def settle() -> None:
        gc.freeze()

    app = application(adapters, on_start=settle, on_swap=settle)
    entrance = Entrance(app, app)
    http: Any = partial(BoundedProtocol, shortcut=entrance)
    gc.set_threshold(20_000, 20, 100)
    sys.setswitchinterval(0.0005)
    uvicorn.run(entrance, port=port, loop="uvloop", http=http, log_level="warning")


def version_of(port: int) -> int:
    """Return the number of the version that answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/model", timeout=10) as answer:
        return int(json.load(answer)["version"])


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return
    requests = [post("/recommend", b'{"user_id":%d}' % user) for user in range(100)]
    with tempfile.TemporaryDirectory() as made:
        folder, port = Path(made), free_port()
        for number in (0, 1):
            (folder / str(number)).mkdir()
            save_model(model(number), folder / str(number))
        command = [sys.executable, "-m", "benchmarks.bench_swaps", "--serve", made, str(port)]
        settings = environment(OPENBLAS_NUM_THREADS="1", PYTHONPATH=os.pathsep.join(sys.path))
        with subprocess.Popen(command, env=settings) as process:
            try:
                wait_until(lambda: answers(f"http://127.0.0.1:{port}/model"), 60, "a model")
                run(port, requests, CONNECTIONS, 1)
                before, quiet, busy, failed = 0.0, [], [], 0
                while (begun := version_of(port)) <= options.swaps:
                    quiet.append(run(port, requests, CONNECTIONS, SECONDS))
                    (folder / SWAP).touch()
                    busy.append(run(port, requests, CONNECTIONS, SECONDS))
                    (folder / SWAP).unlink()
                    failed += len(quiet[-1].bad) + len(busy[-1].bad)
                    swaps = version_of(port) - begun
                    before = before or memory_mb([process.pid])
                    tell("quiet", quiet[-1])
                    tell(f"{swaps} swaps", busy[-1])
                    print(f"          {memory_mb([process.pid]):.0f} MB", flush=True)
                late = median(load.ms(0.99) for load in busy)
                ratio = late / median(load.ms(0.99) for load in quiet)
                print(
                    f"swaps: {failed} answers failed; 99 % {ratio:.1f} x quiet; memory "
                    f"{memory_mb([process.pid]) / before:.2f} x after the first swaps"
                )
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
