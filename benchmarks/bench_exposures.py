"""What it costs to note what was shown: answers with and without, in one run.

``python benchmarks/bench_exposures.py`` serves the application by uvicorn on uvloop, and another
process asks it. Rounds with and without notes take turns; each request is of another user, and
every answer is noted. Time is that of the server's processor, over all threads, so neighbours do
not count; throughput is its inverse.
"""

import asyncio
import gc
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import uvicorn
import uvloop
from prometheus_client import CollectorRegistry

from mlproject import config
from mlproject.core import columns as c
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.core.user_histories import History, Position
from mlproject.core.user_ratings import UserRatings
from mlproject.exposures.log import StoredExposureLog
from mlproject.models.factors import Factors
from mlproject.objects.local import LocalStore
from mlproject.serving.application import application
from mlproject.serving.entrance import Entrance
from mlproject.serving.metrics import ServiceMetrics
from mlproject.serving.recommender import Recommender
from mlproject.serving.shadow import Shadow
from mlproject.serving.trial import Shares, Trial
from mlproject.testing import MemoryHistories, MemoryRatingLog

SHOWS, DIMENSIONS, USERS = 12_294, 64, 2000
ROUNDS, ANSWERS = 15, 500


def recommender() -> Recommender:
    """Return a version as large as that of the anime ratings."""
    rng = np.random.default_rng(1)
    factors = Factors(
        show_vectors=rng.normal(size=(SHOWS, DIMENSIONS)).astype(np.float16),
        show_biases=np.zeros(SHOWS, dtype=np.float32),
        fold_in=rng.normal(size=(2 * (2 * DIMENSIONS + 2), DIMENSIONS)).astype(np.float32),
    )
    cards = tuple(
        {c.SHOW_ID: show, c.TITLE: f"Show {show}", c.GENRES: ["Drama", "Comedy"]}
        for show in range(SHOWS)
    )
    popularity = np.ones(SHOWS, dtype=np.float32)
    shows = IdMap.of(range(SHOWS))
    return Recommender(1, TrainedModel(shows, factors, popularity, history_weights(), cards))


async def ask(port: int) -> None:
    """Let another process ask :data:`ANSWERS` times, one request after the other."""
    client = await asyncio.create_subprocess_exec(sys.executable, __file__, str(port))
    assert await client.wait() == 0


def be_client(port: int) -> None:
    """Ask, in a process of its own."""
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"}
    for place in range(ANSWERS):
        body = json.dumps({"user_id": place % USERS})
        connection.request("POST", "/recommend", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()


async def measure(folder: Path) -> list[tuple[float, float]]:
    """Return microseconds of an answer, without and with notes, round by round."""
    version = recommender()
    rng = np.random.default_rng(2)
    position = Position(9, dict.fromkeys(range(7), 1000))
    ratings = np.full(30, 9, dtype=np.int8)
    known = [
        History(UserRatings(np.sort(rng.choice(SHOWS, 30, replace=False)), ratings), position)
        for _ in range(USERS)
    ]
    histories = SimpleNamespace(
        of=known.__getitem__, start=lambda: None, status=MemoryHistories().status
    )
    version.warm_up()
    watcher = SimpleNamespace(current=version, start=lambda: None, stop=lambda: None)
    adapters = SimpleNamespace(
        settings=config.load(),
        rating_log=MemoryRatingLog(),
        user_histories=histories,
        service_metrics=ServiceMetrics(CollectorRegistry()),
        trial=None,
        tracing=lambda _: None,
        model_watcher=lambda _: watcher,
    )

    @contextmanager
    def opened() -> Iterator[Any]:
        yield adapters

    app = application(opened)
    entrance = Entrance(app, app)
    config_ = uvicorn.Config(entrance, lifespan="off", access_log=False, log_level="error")
    server = uvicorn.Server(config_)
    nobody = SimpleNamespace(current=None, start=lambda: None, stop=lambda: None)
    found = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with app.router.lifespan_context(app):
            serving = asyncio.create_task(server.serve([listener]))
            await ask(port)
            # As the service does.
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 100)
            for _ in range(ROUNDS):
                app.state.serving.trial = None
                began = time.process_time()
                await ask(port)
                without = time.process_time() - began
                log = StoredExposureLog(LocalStore(folder), kept_days=1)
                trial = Trial(Shares(expose=1.0), nobody, Shadow(lambda *_: None), log)
                trial.start()
                app.state.serving.trial = trial
                began = time.process_time()
                await ask(port)
                trial.stop()  # writes what waits, so that no cost is left for later
                noted = time.process_time() - began
                found.append((without / ANSWERS * 1e6, noted / ANSWERS * 1e6))
                assert log.lost == 0
            server.should_exit = True
            await serving
    return found


def main() -> None:
    """Print the time of an answer, and the ratio; with a port, be the client."""
    if sys.argv[1:]:
        be_client(int(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(measure(Path(folder)))
    without = statistics.median(each[0] for each in found)
    noted = statistics.median(each[1] for each in found)
    ratio = statistics.median(after / before for before, after in found)
    print(f"an answer takes {without:.0f} us, noted {noted:.0f} us")
    print(f"throughput with notes {1 / ratio:.3f} of that without (median of {ROUNDS} rounds)")


if __name__ == "__main__":
    main()
