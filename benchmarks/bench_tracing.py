"""What the two spans of each request cost: answers with and without, in one run.

``python -m benchmarks.bench_tracing`` asks the entrance of the service for recommendations, and
sends the spans to a collector in another process. Rounds take turns; time is that of this
process, over all threads, so neighbours and the collector do not count.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Message, Scope

from benchmarks.bench_exposures import recommender
from mlproject import config
from mlproject.serving.application import SERVICE, application
from mlproject.serving.entrance import Entrance
from mlproject.serving.metrics import ServiceMetrics
from mlproject.testing import MemoryHistories, MemoryRatingLog
from mlproject.tracing import Tracing
from tests.collector import collecting

ROUNDS, ANSWERS, USERS = 7, 200, 100
COLLECT: Final = "collect"


def made() -> FastAPI:
    """Return the application, with a version as large as that of the anime ratings."""
    version = recommender()
    version.warm_up()
    watcher = SimpleNamespace(current=version, start=lambda: None, stop=lambda: None)
    rated = {user: {7 * user + 31 * n: 9 for n in range(30)} for user in range(USERS)}
    adapters = SimpleNamespace(
        settings=config.load(),
        rating_log=MemoryRatingLog(),
        user_histories=MemoryHistories(rated),
        service_metrics=ServiceMetrics(CollectorRegistry()),
        trial=None,
        tracing=lambda _: None,
        model_watcher=lambda _: watcher,
    )

    @contextmanager
    def opened() -> Iterator[Any]:
        yield adapters

    return application(opened)


async def ask(entrance: Entrance) -> None:
    """Ask :data:`ANSWERS` times, one request after the other."""
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/recommend",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }
    for place in range(ANSWERS):
        body = json.dumps({"user_id": place % USERS}).encode()
        sent: list[Message] = []

        async def receive(body: bytes = body) -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        await entrance(scope, receive, send)
        assert sent[0]["status"] == 200, sent


async def measure(address: str) -> list[tuple[float, float]]:
    """Return microseconds of an answer, without and with spans, round by round."""
    app = made()
    entrance = Entrance(app, app)
    found = []
    async with app.router.lifespan_context(app):
        await ask(entrance)
        tracing = Tracing.to(address, SERVICE)
        app.state.serving.tracing = tracing
        await ask(entrance)  # what is imported and connected once
        for _ in range(ROUNDS):
            spent = []
            for wanted in (None, tracing):
                app.state.serving.tracing = wanted
                began = time.process_time()
                await ask(entrance)
                tracing.flush()  # so that no cost is left for the other round
                spent.append((time.process_time() - began) / ANSWERS * 1e6)
            found.append((spent[0], spent[1]))
        tracing.close()
    return found


def main() -> None:
    """Measure, or be the collector."""
    if sys.argv[1:] == [COLLECT]:
        with collecting() as collector:
            print(collector.address, flush=True)
            sys.stdin.read()
        return
    command = [sys.executable, "-m", "benchmarks.bench_tracing", COLLECT]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        found = asyncio.run(measure(process.stdout.readline().strip()))
        process.stdin.close()
    without, with_spans = (statistics.median(one) for one in zip(*found, strict=True))
    print(f"an answer without spans {without:7.0f} us of the processor")
    print(f"an answer with its two  {with_spans:7.0f} us, {with_spans / without:.2f} times as much")


if __name__ == "__main__":
    main()
