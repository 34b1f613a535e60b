"""The copy of TVMaze in the store: what is damaged is fetched again."""

import json

import pytest

from mlproject.catalogue.tvmaze_records import parse_show
from mlproject.catalogue.tvmaze_state import StoredPage, TvMazeState, page_key
from mlproject.catalogue.tvmaze_sync import SyncReport

from .tvmaze_bench import HOUR_S, START, Bench
from .tvmaze_server import DAY_S, show_record


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


def test_pages_survive_the_store(bench: Bench) -> None:
    # What is written is what is read.
    state = TvMazeState(bench.store)
    page = StoredPage("tag", {3: parse_show(show_record(3)), 4: parse_show({"id": 4, "name": "x"})})
    state.save_page(0, page)
    assert state.page(0) == page


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
