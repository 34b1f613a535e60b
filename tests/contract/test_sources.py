"""One suite for every source of ratings, and one for every source of show metadata."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from mlproject.bootstrap.base import SystemClock
from mlproject.catalogue.files import FileCatalogue, bundled
from mlproject.catalogue.tvmaze import TvMazeCatalogue
from mlproject.catalogue.tvmaze_client import TvMazeClient
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.ports import CatalogueSource, RatingSource
from mlproject.core.ratings import RatingFrame
from mlproject.events.replay import ReplaySource
from mlproject.events.simulator import Simulator
from mlproject.testing import MemoryStore
from tests.unit.catalogue.tvmaze_server import TvMazeServer, serve

NOW = datetime(2026, 1, 1, tzinfo=UTC)

Open = Callable[[], RatingSource]


@pytest.fixture(params=["simulated", "dated file", "undated file"])
def open_source(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "simulated":
        shows = bundled().read()
        return lambda: Simulator(shows, users=40, ratings=900, seed=5, now=lambda: NOW)
    header, stamp = ("user_id,show_id,rating,rated_at", ",2025-01-0{}T00:00:00Z")
    if request.param == "undated file":
        header, stamp = ("user_id,anime_id,rating", "")
    rows = [f"{i % 30},{i},{i % 10 + 1}{stamp.format(i % 9 + 1)}" for i in range(1000)]
    file = tmp_path / "ratings.csv.gz"
    file.write_bytes(gzip.compress("\n".join([header, *rows]).encode()))
    return lambda: ReplaySource.open(file, backlog_share=0.9, seed=5)


def test_any_portions_give_the_same_stream(open_source: Open) -> None:
    source = open_source()
    assert source.backlog == 900
    whole = RatingFrame.concat([source.read(0, 900), source.read(900, 100)])
    other, parts, position = open_source(), [], 0
    for limit in (1, 9, 390, 500, 100):
        parts.append(other.read(position, limit))
        position += len(parts[-1])
    assert_frame_equal(RatingFrame.concat(parts).frame, whole.frame)


def test_it_can_be_read_from_anywhere(open_source: Open) -> None:
    source = open_source()
    later = source.read(700, 50).frame
    assert_frame_equal(later, open_source().read(650, 100).frame.iloc[50:].reset_index(drop=True))


def test_its_events_are_ratings_with_names_of_their_own(open_source: Open) -> None:
    events = open_source().read(0, 900)
    checked, rejected = RatingFrame.validated(events.frame)
    assert rejected.empty
    assert_frame_equal(checked.frame, events.frame)
    assert events.frame[c.EVENT_ID].is_unique


@pytest.fixture(params=["bundled", "csv", "json lines", "TVMaze"])
def shows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CatalogueSource]:
    if request.param == "bundled":
        yield bundled()
    elif request.param == "csv":
        (tmp_path / "shows.csv").write_text("show_id,title,genres\n2,b,Crime|Drama\n1,a,\n")
        yield FileCatalogue(tmp_path / "shows.csv")
    elif request.param == "json lines":
        lines = '{"show_id": 2, "title": "b", "genres": ["Crime"]}\n{"show_id": 1, "title": "a"}\n'
        (tmp_path / "shows.jsonl").write_text(lines)
        yield FileCatalogue(tmp_path / "shows.jsonl")
    else:
        server = TvMazeServer()
        server.add(1, 2, 300)
        with serve(server):
            yield TvMazeCatalogue(TvMazeClient(server.address), MemoryStore(), SystemClock())


def test_a_catalogue_is_checked_sorted_and_the_same_again(shows: CatalogueSource) -> None:
    catalogue = shows.read()
    assert len(catalogue) >= 2
    checked, rejected = Catalogue.validated(pd.DataFrame(catalogue.frame))
    assert rejected.empty
    assert_frame_equal(checked.frame, catalogue.frame)
    assert catalogue.frame[c.SHOW_ID].is_monotonic_increasing
    assert_frame_equal(shows.read().frame, catalogue.frame)
