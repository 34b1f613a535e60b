"""The copy of TVMaze, brought up to date: after a crash, after days, after a month."""

import json
import logging

import pytest

from mlproject.catalogue import tvmaze_sync
from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.catalogue.tvmaze_sync import SyncReport
from mlproject.core.errors import UnavailableError

from .tvmaze_bench import HOUR_S, START, Bench, CrashError, crash_after
from .tvmaze_server import DAY_S, Fault, show_record


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


def test_a_clock_that_went_back_starts_a_new_pass(bench: Bench) -> None:
    # A copy from the future has no age that could choose the updates.
    bench.source.read()
    bench.later(-DAY_S)
    bench.source.read()
    assert bench.server.paths == [f"/shows?page={number}" for number in range(4)]


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
