"""The TVMaze source, against a real HTTP server on this machine."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from mlproject import __version__
from mlproject.catalogue import tvmaze_client, tvmaze_sync
from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.catalogue.tvmaze_client import BACKOFF_S, TvMazeClient
from mlproject.catalogue.tvmaze_pacing import Pace
from mlproject.catalogue.tvmaze_records import LONGEST_SUMMARY, parse_show, plain_text
from mlproject.catalogue.tvmaze_state import StoredPage, TvMazeState, page_key
from mlproject.catalogue.tvmaze_sync import SyncReport
from mlproject.core import columns as c
from mlproject.core.errors import CatalogueError, ConfigError, DataError, UnavailableError
from mlproject.core.ports import CatalogueSource, ObjectInfo

from .tvmaze_server import DAY_S, Fault, TvMazeServer, serve, show_record

START = 1_750_000_000
HOUR_S = 3600


class MemoryStore:
    """Objects in a dictionary; a write of ``broken_key`` fails."""

    uri = "memory:"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.broken_key = ""

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, content: bytes) -> None:
        if key == self.broken_key:
            raise CrashError
        self.objects[key] = content

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        for key, content in sorted(self.objects.items()):
            if key.startswith(prefix) and key > start_after:
                yield ObjectInfo(key, len(content), etag=str(hash(content)))

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)


class CrashError(Exception):
    """Stands for the end of the process."""


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
        self.store = MemoryStore()
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


@pytest.fixture
def server() -> Iterator[TvMazeServer]:
    with serve(TvMazeServer()) as running:
        yield running


@pytest.fixture
def bench(server: TvMazeServer) -> Iterator[Bench]:
    with urllib3.PoolManager() as http:
        yield Bench(server, http)


def crash_after(pages: int) -> Any:
    def on_progress(done: int) -> None:
        if done == pages:
            raise CrashError

    return on_progress


# The first fetch


def test_building_a_source_connects_to_nothing(bench: Bench) -> None:
    # A constructor must not fail because a server is away.
    source: CatalogueSource = TvMazeCatalogue(TvMazeClient(), bench.store, bench.time)
    assert isinstance(source, TvMazeCatalogue)
    assert not bench.server.connections


def test_full_fetch_reads_every_page_up_to_the_404(bench: Bench) -> None:
    # Gaps in the ids and half-empty pages end nothing; only 404 does.
    shows = bench.source.read()
    assert shows.frame[c.SHOW_ID].tolist() == [1, 7, 249, 250, 400, 501]
    assert bench.server.paths == [f"/shows?page={number}" for number in range(4)]
    assert bench.progress == [1, 2, 3]


def test_fields_arrive_in_their_columns(bench: Bench) -> None:
    # Each field of TVMaze has one column; what it does not tell is empty.
    show = bench.source.read().frame.iloc[0]
    assert show[[c.TITLE, c.GENRES, c.FIRST_YEAR, c.NETWORK, c.COUNTRY, c.TYPE]].tolist() == [
        "Show 1", "Drama|Science-Fiction", 2013, "CBS", "US", "Scripted",
    ]  # fmt: skip
    assert show[c.POPULARITY] == 98
    assert show[[c.SEASONS, c.EPISODES]].isna().all()


def test_state_keeps_what_the_catalogue_has_no_column_for(bench: Bench) -> None:
    # Summary, poster and rating wait in the state, and nothing that we do not use.
    bench.source.sync()
    page = json.loads(bench.store.objects[page_key(0)])
    assert page["shows"][0] == {
        "show_id": 1,
        "title": "Show 1",
        "updated": START - 30 * DAY_S,
        "genres": "Drama|Science-Fiction",
        "first_year": 2013,
        "network": "CBS",
        "country": "US",
        "type": "Scripted",
        "rating": 6.5,
        "weight": 98.0,
        "summary": "A town under a dome.",
        "image": "https://static.tvmaze.com/m.jpg",
    }


def test_requests_name_the_project_and_share_one_connection(bench: Bench) -> None:
    # The API asks for a User-Agent that tells who calls; the answers are read to their end.
    bench.source.read()
    assert {request.user_agent for request in bench.server.requests} == {f"tvrec/{__version__}"}
    assert bench.server.connections == 1


def test_compressed_answers_are_read(bench: Bench) -> None:
    # The real server compresses.
    bench.server.compressed = True
    assert len(bench.source.read()) == 6


def test_calls_keep_to_twenty_in_ten_seconds(bench: Bench) -> None:
    # The 21st call waits until the first is ten seconds old.
    bench.client.show(1)
    bench.time.seconds += 4
    for _ in range(19):
        bench.client.show(1)
    assert bench.time.sleeps == []
    bench.client.show(1)
    assert bench.time.sleeps == [6.0]
    bench.client.show(1)
    assert bench.time.sleeps == [6.0, 4.0]


# Crash and resume


def test_after_a_crash_only_the_remaining_pages_are_requested(bench: Bench) -> None:
    # A first fetch goes on where it stopped.
    crashing = TvMazeCatalogue(bench.client, bench.store, bench.time, crash_after(2))
    with pytest.raises(CrashError):
        crashing.read()
    bench.later(60)
    assert len(bench.source.read()) == 6
    assert bench.server.paths == ["/shows?page=2", "/shows?page=3"]
    assert bench.progress == [3]


def test_crash_between_page_and_progress_costs_one_conditional_request(bench: Bench) -> None:
    # The page is written first, so the worst crash repeats one request, answered by 304.
    bench.store.broken_key = "state/tvmaze/progress.json"
    with pytest.raises(CrashError):
        bench.source.read()
    bench.store.broken_key = ""
    bench.later(60)
    report = bench.source.sync()
    assert report == SyncReport(pages=2)
    assert bench.server.requests[0].etag


def test_a_copy_that_was_never_complete_is_no_catalogue(bench: Bench) -> None:
    # Half a catalogue would silently lose shows.
    crashing = TvMazeCatalogue(bench.client, bench.store, bench.time, crash_after(2))
    with pytest.raises(CrashError):
        crashing.read()
    with pytest.raises(CatalogueError, match="not complete"):
        bench.source.stored()


# Refresh


def test_refresh_requests_only_what_changed(bench: Bench) -> None:
    # The last page (unchanged: 304), the end, the updates, and the one changed show.
    bench.source.read()
    bench.later(3 * DAY_S)
    bench.server.add(7, name="New name", updated=START + 2 * DAY_S)
    assert bench.source.sync() == SyncReport(shows=1)
    assert bench.server.paths == [
        "/shows?page=2",
        "/shows?page=3",
        "/updates/shows?since=week",
        "/shows/7",
    ]
    assert bench.titles()[7] == "New name"
    assert len(bench.titles()) == 6


def test_a_show_that_was_fetched_is_not_fetched_again(bench: Bench) -> None:
    # The updates name it for as long as their period, our copy is as new.
    bench.source.read()
    bench.server.add(7, updated=START + HOUR_S)
    bench.later(2 * HOUR_S)
    bench.source.read()
    bench.later(2 * HOUR_S)
    assert bench.source.sync() == SyncReport()
    assert bench.server.paths[-1] == "/updates/shows?since=day"


@pytest.mark.parametrize(
    ("age_days", "since"), [(0.5, "day"), (1, "week"), (6, "week"), (7, "month"), (24, "month")]
)
def test_updates_reach_back_as_far_as_the_copy_is_old(
    bench: Bench, age_days: float, since: str
) -> None:
    # With the hour that the server's cache may hide; nothing falls between two refreshes.
    bench.source.read()
    bench.later(DAY_S)
    bench.source.read()
    bench.later(age_days * DAY_S)
    bench.source.read()
    assert f"/updates/shows?since={since}" in bench.server.paths


def test_new_shows_and_pages_at_the_end_are_found(bench: Bench) -> None:
    # New ids are the highest; they come by the index, not one by one.
    bench.source.read()
    bench.later(DAY_S)
    bench.server.add(502, 503, 750, 1200, updated=START + HOUR_S)
    assert bench.source.sync() == SyncReport(pages=3)
    assert "/shows?page=5" in bench.server.paths
    assert not {"/shows/502", "/shows/750"} & set(bench.server.paths)
    assert len(bench.titles()) == 10


def test_a_deleted_show_is_dropped(bench: Bench) -> None:
    # 404 for a show that the updates name means that it is gone.
    bench.source.read()
    bench.later(DAY_S)
    bench.server.delete(400, updated=START + HOUR_S)
    assert bench.source.sync() == SyncReport(deleted=1)
    assert 400 not in bench.titles()


def test_an_answer_from_an_old_cache_is_asked_for_again(bench: Bench) -> None:
    # The updates are newer than the show's record: the next refresh has another look.
    bench.source.read()
    bench.later(DAY_S)
    stale = json.dumps(bench.server.shows[7]).encode()
    bench.server.add(7, name="New name", updated=START + HOUR_S)
    bench.server.faults["/shows/7"] = [Fault(body=stale)]
    bench.source.read()
    bench.later(HOUR_S)
    bench.source.read()
    assert bench.titles()[7] == "New name"


def test_an_old_index_does_not_undo_newer_shows(bench: Bench) -> None:
    # The index may be a day old: what came by the updates stays.
    bench.source.read()
    bench.server.cache_index()
    bench.server.add(501, name="New name", updated=START + HOUR_S)
    bench.server.add(502, updated=START + HOUR_S)
    bench.later(2 * HOUR_S)
    bench.source.read()
    bench.server.cached_index = {**bench.server.cached_index, 505: show_record(505)}
    bench.later(HOUR_S)
    assert bench.source.sync() == SyncReport(pages=1)
    assert bench.titles()[501] == "New name"
    assert {502, 505} < bench.titles().keys()


def test_after_a_month_the_whole_index_is_checked_by_its_tags(bench: Bench) -> None:
    # The updates reach no further back; unchanged pages cost a 304, shows that went are seen.
    bench.source.read()
    bench.later(40 * DAY_S)
    bench.server.add(1, name="New name", updated=START + 2 * DAY_S)
    del bench.server.shows[7]
    assert bench.source.sync() == SyncReport(pages=1, deleted=1)
    assert bench.server.paths == [f"/shows?page={number}" for number in range(4)]
    assert all(request.etag for request in bench.server.requests[:3])
    assert bench.titles()[1] == "New name"
    assert 7 not in bench.titles()


def test_the_old_copy_serves_while_the_whole_index_is_checked(bench: Bench) -> None:
    # A pass that stops midway takes nothing away, and goes on where it stopped.
    bench.source.read()
    bench.later(40 * DAY_S)
    bench.server.faults["/shows?page=1"] = [Fault(status=500)] * 6
    with pytest.raises(UnavailableError):
        bench.source.read()
    assert len(bench.source.stored()) == 6
    bench.later(60)
    bench.source.read()
    assert bench.server.paths == [f"/shows?page={number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"version":0}', b'{"version":1,"x":1}'])
def test_a_page_of_the_state_that_cannot_be_read_is_fetched_again(
    bench: Bench, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    # Damage and other versions of the format heal by themselves.
    bench.source.read()
    bench.store.objects[page_key(0)] = content
    bench.later(HOUR_S)
    assert len(bench.source.read()) == 6
    assert "/shows?page=0" in bench.server.paths
    assert page_key(0) in caplog.text


@pytest.mark.parametrize("content", [b"\xff", b'{"version":1,"unknown":1}'])
def test_a_progress_that_cannot_be_read_starts_a_pass_with_the_known_tags(
    bench: Bench, content: bytes
) -> None:
    # The pages are still good, so that the new pass moves no data.
    bench.source.read()
    bench.store.objects["state/tvmaze/progress.json"] = content
    bench.later(HOUR_S)
    assert bench.source.sync() == SyncReport()
    assert len(bench.titles()) == 6


def test_a_clock_that_went_back_starts_a_new_pass(bench: Bench) -> None:
    # A copy from the future has no age that could choose the updates.
    bench.source.read()
    bench.later(-DAY_S)
    bench.source.read()
    assert bench.server.paths == [f"/shows?page={number}" for number in range(4)]


def test_pages_survive_the_store(bench: Bench) -> None:
    # What is written is what is read.
    state = TvMazeState(bench.store)
    page = StoredPage("tag", {3: parse_show(show_record(3)), 4: parse_show({"id": 4, "name": "x"})})
    state.save_page(0, page)
    assert state.page(0) == page


# Faults of the server


def test_429_waits_as_long_as_retry_after_says(bench: Bench) -> None:
    # In seconds, or as a date by the server's own clock.
    in_9_s = "Mon, 06 Jan 2025 12:00:09 GMT"
    bench.server.faults["/shows?page=0"] = [
        Fault(429, {"Retry-After": "7"}),
        Fault(429, {"Retry-After": in_9_s}),
    ]
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [7.0, 9.0]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
def test_429_without_retry_after_backs_off(bench: Bench, headers: dict[str, str]) -> None:
    # Without a usable word from the server, each pause is twice the last.
    bench.server.faults["/shows?page=0"] = [Fault(429, headers)] * 3
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [1.0, 2.0, 4.0]


def test_too_long_a_pause_is_left_to_the_next_read(bench: Bench) -> None:
    # A job that sleeps for an hour looks dead; it says so instead.
    bench.server.faults["/shows?page=1"] = [Fault(429, {"Retry-After": "3600"})]
    with pytest.raises(UnavailableError, match="a pause of 3600 s"):
        bench.source.read()
    assert bench.time.sleeps == []


def test_a_body_that_is_cut_off_is_fetched_again(bench: Bench) -> None:
    # Half a page is no page.
    bench.server.faults["/shows?page=1"] = [Fault(cut=True), Fault(cut=True)]
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [1.0, 2.0]


def test_errors_of_the_server_are_retried(bench: Bench) -> None:
    # 500 and 503 pass.
    bench.server.faults["/shows?page=1"] = [Fault(500), Fault(503, {"Retry-After": "3"})]
    assert len(bench.source.read()) == 6
    assert bench.time.sleeps == [1.0, 3.0]


def test_retries_are_bounded(bench: Bench) -> None:
    # Six tries, then a sentence that names the address and what to do.
    bench.server.faults["/shows?page=1"] = [Fault(500)] * 99
    with pytest.raises(UnavailableError) as raised:
        bench.source.read()
    assert bench.server.paths.count("/shows?page=1") == 6
    assert tuple(bench.time.sleeps) == BACKOFF_S
    assert f"{bench.server.address}/shows?page=1" in str(raised.value)
    assert "HTTP status 500, after 6 tries; check the network" in str(raised.value)


def test_server_down_is_unavailable_with_its_address(bench: Bench) -> None:
    # Nobody listens there: no vendor error comes through.
    with serve(TvMazeServer()) as stopped:
        address = stopped.address
    source = TvMazeCatalogue(
        TvMazeClient(address, bench.client.pace, bench.client.http), bench.store, bench.time
    )
    with pytest.raises(UnavailableError, match=address):
        source.read()
    assert len(bench.time.sleeps) == len(BACKOFF_S)


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b"\xff", b"", b"[" * 100_000])
def test_a_malformed_page_is_retried_then_unavailable(bench: Bench, body: bytes) -> None:
    # What is no list in JSON is no page, whatever its status.
    bench.server.faults["/shows?page=0"] = [Fault(body=body)]
    assert len(bench.source.read()) == 6
    bench.later(40 * DAY_S)
    bench.server.faults["/shows?page=0"] = [Fault(body=body)] * 6
    with pytest.raises(UnavailableError, match="malformed"):
        bench.source.read()


@pytest.mark.parametrize("status", [302, 400, 403])
def test_a_refusal_is_not_retried(bench: Bench, status: int) -> None:
    # Asking again would change nothing; a redirect is not followed to where it points.
    bench.server.faults["/shows?page=0"] = [Fault(status, {"Location": "/shows?page=9"})]
    with pytest.raises(UnavailableError, match=f"HTTP status {status}"):
        bench.source.read()
    assert len(bench.server.requests) == 1


def test_the_size_of_an_answer_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # Counted after decompression, so that a small answer cannot fill the memory.
    monkeypatch.setattr(tvmaze_client, "LARGEST_ANSWER", 1_000)
    bench.server.compressed = True
    bench.server.add(1, summary="x" * 10_000)
    with pytest.raises(UnavailableError, match="more than 1000 bytes"):
        bench.source.read()


def test_another_server_is_recognised_by_its_lack_of_pages(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 404 for the first page, or pages without end, is not TVMaze.
    monkeypatch.setattr(tvmaze_sync, "MOST_PAGES", 2)
    with pytest.raises(UnavailableError, match="does not end"):
        bench.source.read()
    bench.server.shows.clear()
    bench.store.objects.clear()
    with pytest.raises(UnavailableError, match="no page of shows"):
        bench.source.read()


def test_updates_that_are_missing_or_empty(bench: Bench) -> None:
    # An empty list is no update; 404 is no TVMaze; entries that are no id and time do not count.
    path = "/updates/shows?since=week"
    bench.source.read()
    bench.later(HOUR_S)
    bench.server.faults[path] = [Fault(404)]
    with pytest.raises(UnavailableError, match="404"):
        bench.source.read()
    bench.server.faults[path] = [Fault(body=b"5"), Fault(body=b"[]")]
    assert bench.source.sync() == SyncReport()
    assert bench.time.sleeps == [1.0]
    bench.later(HOUR_S)
    odd = {"x": 1, "7": "soon", "1": True, "999999999": START, "-1": START}
    bench.server.faults["/updates/shows?since=day"] = [Fault(body=json.dumps(odd).encode())]
    assert bench.source.sync() == SyncReport()


def test_an_address_without_http_is_a_configuration_error() -> None:
    # Found when the program starts, not at the first export.
    with pytest.raises(ConfigError, match=r"not 'api\.tvmaze\.com'"):
        TvMazeClient("api.tvmaze.com")


# Malformed records


MALFORMED = {
    "no name": show_record(2, name=None),
    "id is not a whole number": show_record(2) | {"id": "2"},
    "id is not a whole number of": show_record(2) | {"id": 2.5},
    "id is not a whole number of at": show_record(2) | {"id": True},
    "id is not a whole number of at least 0": show_record(-2),
    "the record is not an object": ["a", "list"],
    "the record is not an": None,
    "network is not an object": show_record(2, network=["CBS"]),
    "network.country is not an object": show_record(2, network={"country": "US"}),
    "genres is not a list": show_record(2, genres="Drama"),
    "a genre is not a text": show_record(2, genres=[5]),
    "premiered is not a text": show_record(2, premiered=2013),
    "weight is not a number": show_record(2, weight="98"),
    "rating is not an object": show_record(2, rating=6.5),
}


@pytest.mark.parametrize("reason", MALFORMED)
def test_a_malformed_record_is_skipped_counted_and_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    # One bad record never costs the page, and the log says why it is missing.
    bench.server.odd_records[0] = [MALFORMED[reason]]
    assert bench.source.sync() == SyncReport(pages=3, skipped=1)
    assert len(bench.titles()) == 6
    assert "1 records of page 0 skipped: show " in caplog.text
    assert reason in caplog.text


def test_many_malformed_records_make_one_line_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    # A change of the API must not fill the disk with warnings.
    bench.server.odd_records[0] = [None] * 200
    assert bench.source.sync().skipped == 200
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "and 195 more" in warnings[0].getMessage()


def test_a_known_show_outlives_its_malformed_record_on_a_page(bench: Bench) -> None:
    # A bad record is no deletion.
    bench.source.read()
    bench.later(40 * DAY_S)
    bench.server.add(7, name=None)
    assert bench.source.sync() == SyncReport(pages=1, skipped=1)
    assert bench.titles()[7] == "Show 7"


@pytest.mark.parametrize(
    "body",
    [b'{"id": 7,', b"[7]", b"\xff", b"[" * 100_000, json.dumps(show_record(8)).encode()],
)
def test_one_show_with_a_malformed_answer_is_skipped_and_kept_as_known(
    bench: Bench, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    # It is asked for again by the next refresh, and the other changes are taken.
    bench.source.read()
    bench.later(DAY_S)
    bench.server.add(7, 250, name="New name", updated=START + HOUR_S)
    bench.server.faults["/shows/7"] = [Fault(body=body)]
    assert bench.source.sync() == SyncReport(shows=1, skipped=1)
    assert "show 7: " in caplog.text
    assert (bench.titles()[7], bench.titles()[250]) == ("Show 7", "New name")
    bench.source.sync()
    assert bench.titles()[7] == "New name"


def test_no_usable_show_at_all_is_an_error(bench: Bench) -> None:
    # An empty catalogue would take every show from every user.
    bench.server.shows.clear()
    bench.server.add(1, name=None)
    with pytest.raises(CatalogueError, match="no usable show"):
        bench.source.read()


# Fields of a record


def test_a_web_channel_stands_in_for_the_network() -> None:
    # Shows of streaming services have no network; some channels are of no country.
    web = {"name": "Netflix", "country": None}
    show = parse_show(show_record(1, network=None, webChannel=web))
    assert (show.network, show.country) == ("Netflix", "")


def test_unknown_values_are_empty() -> None:
    # Null and missing are the same, and a value out of its range is not known.
    bare = parse_show({"id": 1, "name": "x"})
    nulls = dict.fromkeys(show_record(1)) | {"id": 1, "name": "x"}
    odd = {
        "id": 1, "name": "x", "premiered": "soon", "weight": 101,
        "rating": {"average": float("nan")}, "image": {"medium": "x" * 9_999}, "updated": -1,
    }  # fmt: skip
    assert parse_show(nulls) == parse_show(odd) == bare


def test_text_is_clean_enough_for_every_file_format() -> None:
    # Line ends and halves of surrogate pairs go; the separator of genres stays ours.
    show = parse_show(show_record(1, name=" A\n\ud800B ", genres=["Sci|Fi", "", "Drama"]))
    assert (show.title, show.genres) == ("A ?B", "Sci/Fi|Drama")


@pytest.mark.parametrize("show_id", [2**63, None, "1"])
def test_ids_that_no_column_holds_are_refused(show_id: object) -> None:
    # int64 is the type of every show_id here.
    with pytest.raises(DataError, match="id is not"):
        parse_show({"id": show_id, "name": "x"})


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Tom &amp; <b>Jerry</b>.</p><p>Cat&nbsp;or<br/>mouse</p>", "Tom & Jerry. Cat or mouse"),
        ("a<script>alert(1)</script><style>p {}</style>b", "ab"),
        ("</script>a < b", "a < b"),
        ("", ""),
    ],
)
def test_html_is_stripped(html: str, text: str) -> None:
    # What stays is what a reader would see.
    assert plain_text(html) == text


def test_a_declaration_that_the_parser_gives_up_on_keeps_the_text_before_it() -> None:
    # html.parser raises AssertionError there, which must not stop a fetch.
    assert plain_text("<p>Before</p> <![unknown[x").startswith("Before")


def test_the_length_of_a_summary_is_bounded() -> None:
    # Cut at a word, and inside a word without spaces.
    cut = plain_text("word " * 1_000)
    assert len(cut) <= LONGEST_SUMMARY
    assert cut.endswith("word…")
    assert plain_text("x" * 100_000) == "x" * (LONGEST_SUMMARY - 1) + "…"
