"""TVMaze as a source of shows, against a real HTTP server on this machine."""

import pytest

from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.catalogue.tvmaze_client import TvMazeClient
from mlproject.core import columns as c
from mlproject.core.errors import CatalogueError
from mlproject.core.ports import CatalogueSource

from .tvmaze_bench import Bench, CrashError, crash_after


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


def test_a_copy_that_was_never_complete_is_no_catalogue(bench: Bench) -> None:
    # Half a catalogue would silently lose shows.
    crashing = TvMazeCatalogue(bench.client, bench.store, bench.time, crash_after(2))
    with pytest.raises(CrashError):
        crashing.read()
    with pytest.raises(CatalogueError, match="not complete"):
        bench.source.stored()


def test_no_usable_show_at_all_is_an_error(bench: Bench) -> None:
    # An empty catalogue would take every show from every user.
    bench.server.shows.clear()
    bench.server.add(1, name=None)
    with pytest.raises(CatalogueError, match="no usable show"):
        bench.source.read()
