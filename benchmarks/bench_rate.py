"""``POST /rate`` through a real BentoML process: ratings a second, and the time to an answer.

Without Kafka each answer waits for a group commit to the disk; with it for librdkafka's mock
cluster, which keeps everything in memory, so that figure is without a broker's disk.
"""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import aiohttp
import numpy as np

from tests.registry_server import fake_registry
from tests.servers import bento_service, mock_broker

REQUESTS: Final = {1: 200, 100: 5000}


async def rate(url: str, clients: int, requests: int) -> tuple[float, list[float]]:
    """Return ratings a second and the seconds of each, from so many clients at a time."""
    seconds: list[float] = []
    users = iter(range(requests))

    async def client(session: aiohttp.ClientSession) -> None:
        for user in users:
            body = {"user_id": user, "show_id": 2, "rating": 8}
            started = time.perf_counter()
            async with session.post(f"{url}/rate", json=body) as answer:
                if answer.status != 201:
                    raise RuntimeError(await answer.text())
            seconds.append(time.perf_counter() - started)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        return requests / (time.perf_counter() - started), seconds


def measure(what: str, url: str) -> None:
    """Print a line for each number of clients."""
    asyncio.run(rate(url, 10, 200))
    for clients, requests in REQUESTS.items():
        speed, seconds = asyncio.run(rate(url, clients, requests))
        middle, late = 1000 * np.quantile(seconds, [0.5, 0.99])
        print(
            f"{what:13} {clients:4} clients: {speed:6.0f} a second, "
            f"median {middle:5.1f} ms, 99 % within {late:5.1f} ms"
        )


def main() -> None:
    """Measure both ways."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        url, _ = servers.enter_context(bento_service(Path(folder) / "batches"))
        measure("batch objects", url)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        broker, _ = servers.enter_context(mock_broker())
        registry = servers.enter_context(fake_registry())
        kafka = {"KAFKA_BOOTSTRAP_SERVERS": broker, "SCHEMA_REGISTRY_URL": registry.url}
        url, _ = servers.enter_context(bento_service(Path(folder), **kafka))
        measure("Kafka (mock)", url)


if __name__ == "__main__":
    main()
