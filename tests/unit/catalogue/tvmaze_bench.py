"""TVMaze as a test sees it: a server, a copy in memory, and a clock that stands still."""

from datetime import UTC, datetime
from typing import Any

import urllib3

from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.catalogue.tvmaze_client import TvMazeClient
from mlproject.catalogue.tvmaze_pacing import Pace
from mlproject.core import columns as c
from mlproject.testing import MemoryStore

from .tvmaze_server import DAY_S, TvMazeServer

START = 1_750_000_000
HOUR_S = 3600


class CrashError(Exception):
    """Stands for the end of the process."""


class CrashingStore(MemoryStore):
    """A write of ``broken_key`` ends the process."""

    broken_key = ""

    def put(self, key: str, content: bytes) -> None:
        if key == self.broken_key:
            raise CrashError
        super().put(key, content)


class FakeTime:
    """A clock that only sleeping, or a test, moves."""

    def __init__(self) -> None:
        self.seconds = float(START)
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds


class Bench:
    """A server with three pages of shows, with gaps, and a source that reads it."""

    def __init__(self, server: TvMazeServer, http: urllib3.PoolManager) -> None:
        self.server = server
        self.store = CrashingStore()
        self.time = FakeTime()
        self.progress: list[int] = []
        pace = Pace(sleep=self.time.sleep, monotonic=self.time.monotonic)
        self.client = TvMazeClient(server.address, pace, http)
        self.source = TvMazeCatalogue(self.client, self.store, self.time, self.progress.append)
        server.add(1, 7, 249, 250, 400, 501, updated=START - 30 * DAY_S)

    def later(self, seconds: float) -> None:
        """Let time pass, for the server too, and forget the requests so far."""
        self.time.seconds += seconds
        self.server.now = self.time.seconds
        self.server.requests.clear()
        self.progress.clear()

    def titles(self) -> dict[int, str]:
        frame = self.source.stored().frame
        return dict(zip(frame[c.SHOW_ID].tolist(), frame[c.TITLE].tolist(), strict=True))


def crash_after(pages: int) -> Any:
    def on_progress(done: int) -> None:
        if done == pages:
            raise CrashError

    return on_progress
