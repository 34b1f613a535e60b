"""Small data and small servers, for tests of several stages."""

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlproject.batches.formats import decode_frame
from mlproject.batches.keys import BatchKey
from mlproject.catalogue.keys import CATALOGUE
from mlproject.catalogue.stored import encode_catalogue
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ObjectStore
from mlproject.core.preferences import history_weights
from mlproject.core.ratings import RatingFrame
from mlproject.core.runs import VersionInfo
from mlproject.core.user_ratings import UserRatings
from mlproject.models.factors import Factors
from mlproject.models.files import save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.testing import MemoryRegistry

FIRST_INSTANT = pd.Timestamp("2025-01-01", tz="UTC")

PYARROW_AND_PANDAS = pytest.mark.filterwarnings(
    # pyarrow 25 reads a column with a time zone in a way that pandas 3.1 deprecates;
    # test_parquet.py has the test that tells when this can go.
    "ignore:Series.values returning an ndarray:DeprecationWarning"
)


def ratings(count: int, first: int = 0, **columns: Any) -> RatingFrame:
    """Return events of a stream from position ``first``: a user's id is its position."""
    positions = np.arange(first, first + count)
    raw = pd.DataFrame(
        {
            c.EVENT_ID: [f"event-{position}" for position in positions],
            c.USER_ID: positions,
            c.SHOW_ID: 101 + positions % 12,
            c.RATING: 1 + positions % 10,
            c.RATED_AT: FIRST_INSTANT + pd.to_timedelta(positions, unit="s"),
            c.SOURCE: "SIMULATED",
        }
    ).assign(**columns)
    good, rejected = RatingFrame.validated(raw)
    assert rejected.empty
    return good


def event(user: int = 1) -> RatingEvent:
    """Return a single rating by a user, with an id of its own."""
    at = FIRST_INSTANT.value // 1_000_000
    return RatingEvent(new_event_id(at), user, 2, 8, at + user, EventSource.SERVICE)


def shows(count: int) -> Catalogue:
    """Return a catalogue of that many shows."""
    ids = range(1, count + 1)
    raw = pd.DataFrame({c.SHOW_ID: ids, c.TITLE: [f"Show {number}" for number in ids]})
    good, _ = Catalogue.validated(raw)
    return good


def put_catalogue(store: ObjectStore, catalogue: Catalogue) -> None:
    """Store a catalogue where it is read from."""
    store.put(CATALOGUE, encode_catalogue(catalogue))


class Calendar:
    """A clock that shows noon of a day."""

    def __init__(self, day: str = "2025-01-01") -> None:
        self.day = day

    def now(self) -> datetime:
        return datetime.fromisoformat(f"{self.day}T12:00:00+00:00")


def factors(**changes: Any) -> Factors:
    """Return vectors of four shows, and a map that adds up those of a history.

    Who likes the first show likes the others in their order; who likes the last, the
    other way round.
    """
    made = Factors(
        show_vectors=np.array([[4, 1], [3, 2], [2, 3], [1, 4]], dtype=np.float16),
        show_biases=np.zeros(4, dtype=np.float32),
        fold_in=np.tile(np.eye(6, 2, dtype=np.float32), (2, 1)),
    )
    return replace(made, **changes)


def model(shows: Iterable[int] = (10, 20, 30, 40), **changes: Any) -> TrainedModel:
    """Return a model of the shows 10, 20, 30 and 40: see :func:`factors`.

    By popularity the order is 30, 10, 20, 40. Other shows have random vectors.
    """
    ids = list(shows)
    if len(ids) == len((10, 20, 30, 40)):
        made, popularity = factors(), np.array([7, 5, 9, 2], dtype=np.float32)
    else:
        random = np.random.default_rng(1)
        vectors = random.normal(size=(len(ids), 2)).astype(np.float16)
        made = factors(show_vectors=vectors, show_biases=np.zeros(len(ids), dtype=np.float32))
        popularity = np.arange(1, len(ids) + 1, dtype=np.float32)
    trained = TrainedModel(
        shows=IdMap.of(ids),
        model=made,
        popularity=popularity,
        history_weights=history_weights(),
        cards=tuple({c.SHOW_ID: n, c.TITLE: f"Show {n}", c.GENRES: ["Drama"]} for n in ids),
    )
    return replace(trained, **changes)


def keep_model(state: Path, trained: TrainedModel, number: int = 1) -> None:
    """Leave a model where a service takes up that of its last life."""
    folder = state / "models" / "service"
    name = f"{number}-kept"
    (folder / name).mkdir(parents=True)
    save_model(trained, folder / name)
    (folder / "current.json").write_text(json.dumps({"version": number, "folder": name}))


def rated(*ratings: tuple[int, int]) -> UserRatings:
    """Return a user's ratings from pairs of show id and rating, 0 = not rated."""
    return UserRatings(
        np.array([show for show, _ in ratings], dtype=np.int64),
        np.array([rating for _, rating in ratings], dtype=np.int8),
    )


def version(number: int, run_id: str = "run", **changes: Any) -> VersionInfo:
    """Return a version of the model."""
    return replace(VersionInfo(number, run_id, ()), **changes)


class Answers(BaseHTTPRequestHandler):
    """Answers every GET, POST and DELETE with the class's ``status`` and ``body``."""

    status = 200
    body = b""

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_POST()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def http_server(status: int = 200, body: bytes = b"") -> Iterator[str]:
    """Answer every GET and POST alike; yield the address."""
    with serve(type("Handler", (Answers,), {"status": status, "body": body})) as address:
        yield address


@contextmanager
def serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve by a handler; yield the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Answer one connection with these very bytes; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()


def written(store: ObjectStore) -> RatingFrame:
    """Return what the batches hold, in order."""
    keys = [BatchKey.parse(info.key) for info in store.list("topics/ratings/")]
    return RatingFrame.concat(
        [decode_frame(key, store.get(str(key)) or b"") for key in keys if key]
    )


def promote_one(registry: MemoryRegistry, **changes: object) -> None:
    """Let a run log a model and be promoted."""
    with registry.run("a run") as log:
        folder = registry.folder / log.run_id
        folder.mkdir(parents=True)
        save_model(model(**changes), folder)
        log.metrics({"precision_at_10": 0.25, "popularity_precision_at_10": 0.125})
        log.params({"dimensions": 4})
        log.tags({"reason": "it is good"})
    put_into_production(
        registry, registry.register(log.run_id).number, by="ann", reason="it is good"
    )
