"""What every test stands on: a clean environment, and small real data."""

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import hypothesis
import pandas as pd
import pytest

from mlproject import config
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.objects.s3 import S3Store
from mlproject.testing import MemoryStore
from tests import mock_kafka, servers

# How long an example takes is the machine's business.
hypothesis.settings.register_profile("tvrec", deadline=None)
hypothesis.settings.load_profile("tvrec")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in config.known_names():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _process_is_left_as_it_was() -> Iterator[None]:
    """Undo what a command does to its process, wherever a test runs one: logging and signals."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = {logger: logger.level for logger in (root, *_loggers())}
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    root.handlers[:] = handlers
    for logger in (root, *_loggers()):
        logger.setLevel(levels.get(logger, logging.NOTSET))
    for number, handler in signals.items():
        signal.signal(number, handler)


def _loggers() -> list[logging.Logger]:
    known = list(logging.Logger.manager.loggerDict.values())
    return [logger for logger in known if isinstance(logger, logging.Logger)]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server of this session's own."""
    with servers.mlflow_server(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    with servers.rclone_server(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.S3Server]:
    program = servers.minio_program()
    if program is None:
        pytest.skip(
            "no minio: not on the path, not in TVREC_TEST_MINIO, not installed by `make stack`"
        )
    with servers.minio_server(program, tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def rclone_store(rclone_server: servers.S3Server) -> Iterator[S3Store]:
    """An empty bucket of a server that checks credentials and ignores conditional writes."""
    store = rclone_server.bucket(f"b{uuid4().hex}")
    with closing(store.client):
        yield store


@pytest.fixture
def minio_store(minio_server: servers.S3Server) -> Iterator[S3Store]:
    """An empty bucket of a server that checks credentials and respects conditional writes."""
    store = minio_server.bucket(f"b{uuid4().hex}")
    with closing(store.client):
        yield store


@pytest.fixture(scope="module")
def kafka() -> Iterator[mock_kafka.MockKafka]:
    """A mock cluster; its topics are shared by the tests of a file."""
    with mock_kafka.mock_kafka() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def broker(kafka: mock_kafka.MockKafka) -> str:
    """The address of the mock cluster."""
    return kafka.servers


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic of the test's own."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


@pytest.fixture
def catalogue() -> Catalogue:
    """Twelve shows: six crime dramas, then six comedies."""
    genres = ["Crime|Drama"] * 6 + ["Comedy"] * 6
    raw = pd.DataFrame(
        {
            c.SHOW_ID: range(101, 113),
            c.TITLE: [f"Show {number}" for number in range(101, 113)],
            c.GENRES: genres,
            c.FIRST_YEAR: range(2000, 2012),
            c.POPULARITY: range(12, 0, -1),
        }
    )
    good, _ = Catalogue.validated(raw)
    return good
