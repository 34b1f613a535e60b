"""TVMaze on this machine."""

from collections.abc import Iterator

import pytest
import urllib3

from .tvmaze_bench import Bench
from .tvmaze_server import TvMazeServer, serve


@pytest.fixture
def server() -> Iterator[TvMazeServer]:
    with serve(TvMazeServer()) as running:
        yield running


@pytest.fixture
def bench(server: TvMazeServer) -> Iterator[Bench]:
    with urllib3.PoolManager() as http:
        yield Bench(server, http)
