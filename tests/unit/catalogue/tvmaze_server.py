"""A local HTTP server that answers as https://api.tvmaze.com does.

It pages the index by ranges of 250 ids, tags pages, answers 304 to a known tag and 404
after the last page, lists updates by day, week and month, and writes down each request.
Faults are put in a queue for an address; the next requests of it meet them in turn.
"""

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

IDS_A_PAGE = 250
DAY_S = 24 * 3600
DATE = "Mon, 06 Jan 2025 12:00:00 GMT"
"""The server's clock as its headers tell it: it stands still."""
PERIODS_S = {"day": DAY_S, "week": 7 * DAY_S, "month": 30 * DAY_S}


def show_record(show_id: int, **changes: Any) -> dict[str, Any]:
    """Return a record with every field that the real one has for us."""
    return {
        "id": show_id,
        "name": f"Show {show_id}",
        "type": "Scripted",
        "genres": ["Drama", "Science-Fiction"],
        "premiered": "2013-06-24",
        "rating": {"average": 6.5},
        "weight": 98,
        "network": {"id": 2, "name": "CBS", "country": {"name": "United States", "code": "US"}},
        "webChannel": None,
        "image": {"medium": "https://static.tvmaze.com/m.jpg", "original": "https://x/o.jpg"},
        "summary": "<p>A <b>town</b> under a dome.</p>",
        "updated": 1_000,
        **changes,
    }


@dataclass(frozen=True)
class Fault:
    """One wrong answer: a status, other content, or a body that is cut off."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    path: str
    etag: str
    user_agent: str


class TvMazeServer:
    """What the server knows and has seen; :func:`serve` makes it answer."""

    def __init__(self) -> None:
        self.address = ""
        self.now = 0.0
        self.shows: dict[int, dict[str, Any]] = {}
        self.deleted: dict[int, int] = {}
        self.odd_records: dict[int, list[Any]] = defaultdict(list)
        self.cached_index: dict[int, dict[str, Any]] | None = None
        self.compressed = False
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.requests: list[Request] = []
        self.connections = 0

    @property
    def paths(self) -> list[str]:
        """The addresses asked for, in order."""
        return [request.path for request in self.requests]

    def add(self, *show_ids: int, **changes: Any) -> None:
        """Add or replace shows."""
        self.shows |= {show_id: show_record(show_id, **changes) for show_id in show_ids}

    def delete(self, show_id: int, updated: int) -> None:
        """Delete a show; the updates go on naming it."""
        del self.shows[show_id]
        self.deleted[show_id] = updated

    def cache_index(self) -> None:
        """From now on the index tells the state of now, as a cache does."""
        self.cached_index = dict(self.shows)

    def answer(self, path: str) -> Any:
        """Return what the address has; None = 404."""
        place, _, query = path.partition("?")
        if place == "/shows":
            return self._page(int(query.removeprefix("page=")))
        if place == "/updates/shows":
            return self._updates(query.removeprefix("since="))
        return self.shows.get(int(place.removeprefix("/shows/")))

    def _page(self, number: int) -> list[Any] | None:
        shows = self.shows if self.cached_index is None else self.cached_index
        if number > max(shows, default=-1) // IDS_A_PAGE:
            return None
        wanted = range(number * IDS_A_PAGE, (number + 1) * IDS_A_PAGE)
        return [shows[i] for i in sorted(shows) if i in wanted] + self.odd_records[number]

    def _updates(self, since: str) -> dict[str, int]:
        stamps = {i: show["updated"] for i, show in self.shows.items()} | self.deleted
        oldest = self.now - PERIODS_S[since]
        return {str(i): stamp for i, stamp in stamps.items() if stamp >= oldest}


class _Server(ThreadingHTTPServer):
    """Passes what the server knows to its handlers."""

    def __init__(self, known: TvMazeServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.known = known


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.server.known.connections += 1
        super().setup()

    def do_GET(self) -> None:
        known = self.server.known
        asked = self.headers.get("If-None-Match", "")
        known.requests.append(Request(self.path, asked, self.headers.get("User-Agent", "")))
        if known.faults[self.path]:
            self._fail(known.faults[self.path].pop(0))
            return
        answer = known.answer(self.path)
        body = json.dumps(answer).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
        if answer is None:
            self._send(404, b'{"name":"Not Found","status":404}', {})
        elif asked == etag:
            self._send(304, b"", {"ETag": etag})
        else:
            self._send(200, body, {"ETag": etag})

    def _fail(self, fault: Fault) -> None:
        if not fault.cut:
            self._send(fault.status, fault.body, fault.headers)
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'[{"id": 1, "na')
        self.close_connection = True

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if self.server.known.compressed and body:
            body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return DATE

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(known: TvMazeServer) -> Iterator[TvMazeServer]:
    """Answer from a thread until the block ends; the address is in ``known.address``."""
    with _Server(known) as server:
        known.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
