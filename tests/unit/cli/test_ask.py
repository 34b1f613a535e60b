"""The commands that ask and rate."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import Result

from mlproject.batches.sink import BatchSink
from mlproject.core import columns as c
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from mlproject.testing import MemoryRegistry
from tests.builders import http_server, promote_one, ratings

Run = Callable[..., Result]


def test_recommend_shows_a_table(
    run: Run, registry: MemoryRegistry, local_store: LocalStore
) -> None:
    """By what the user has rated in the snapshot."""
    promote_one(registry)
    sink = BatchSink(local_store)
    sink.append(ratings(1, **{c.USER_ID: 1, c.SHOW_ID: 10, c.RATING: 10}))
    sink.flush()
    ingest(local_store)
    lines = run("recommend", "--user", 1).stdout.splitlines()
    assert lines[0].strip() == "For user 1: folded-in, by version 1"
    shown = [line for line in lines if "Show " in line]
    assert all(title in line for title, line in zip(("20", "30", "40"), shown, strict=True))
    assert f"{14 / np.sqrt(2):.3f}" in shown[0]


def test_recommend_prints_json(run: Run, registry: MemoryRegistry) -> None:
    promote_one(registry)
    told = json.loads(run("recommend", "--user", 99, "-n", 2, "--json").stdout)
    assert told["source"] == "popular"
    assert [item[c.SHOW_ID] for item in told["items"]] == [30, 10]


def test_recommend_takes_any_id_and_any_version(run: Run, registry: MemoryRegistry) -> None:
    promote_one(registry)
    promote_one(registry, popularity=np.array([9, 1, 1, 1], np.float32))
    for version, best in ((1, 30), (2, 10)):
        told = run("recommend", "--user", 2**70, "--version", version, "--json").stdout
        assert json.loads(told)["items"][0][c.SHOW_ID] == best
    assert run("recommend", "--user", 1, "--version", 3).exit_code == 6


@pytest.mark.parametrize("title", ["日本 ünï", "[REC]", "x" * 500, "two\nlines", "\x1b[31m"])
def test_a_table_shows_any_title(run: Run, registry: MemoryRegistry, title: str) -> None:
    cards = tuple({c.SHOW_ID: row, c.TITLE: title, c.GENRES: []} for row in (10, 20, 30, 40))
    promote_one(registry, cards=cards)
    result = run("recommend", "--user", 1, "-n", 1)
    assert result.exit_code == 0
    assert title[0] in result.stdout


@pytest.mark.parametrize("title", ["[title of show]", "[/b]"])
def test_a_table_shows_brackets(run: Run, registry: MemoryRegistry, title: str) -> None:
    cards = tuple({c.SHOW_ID: row, c.TITLE: title, c.GENRES: []} for row in (10, 20, 30, 40))
    promote_one(registry, cards=cards)
    assert title in run("recommend", "--user", 1, "-n", 1).stdout


@contextmanager
def service_that_takes(
    title: str | None, status: int = 201
) -> Iterator[tuple[dict[str, object], str]]:
    """A service that takes every rating; yield its answer and its port."""
    told = {"event_id": "e", "topic": "ratings", "partition": 1000, "offset": 7, "title": title}
    with http_server(status, json.dumps(told).encode()) as address:
        yield told, address.rpartition(":")[2]


RATE = ("rate", "--user", 1, "--show", 2, "--rating", 8)


def test_rate_says_what_was_rated_and_where_the_event_is(run: Run) -> None:
    with service_that_takes("Lost") as (told, port):
        text = run(*RATE, TVREC_SERVICE_PORT=port).stdout
        as_json = run(*RATE, "--json", TVREC_SERVICE_PORT=port).stdout
    assert text == "user 1 rated show Lost: 8\nevent e, partition 1000, offset 7\n"
    assert json.loads(as_json) == told


def test_rate_says_that_the_model_does_not_know_the_show(run: Run) -> None:
    with service_that_takes(None) as (_, port):
        text = run(*RATE, TVREC_SERVICE_PORT=port).stdout
    assert "rated show 2, which the model does not know: 8" in text


def test_rate_takes_no_rating_that_is_off_the_scale(run: Run) -> None:
    assert run(*RATE[:-1], 11).exit_code == 2


def test_rate_takes_a_rating_back(run: Run) -> None:
    with service_that_takes(None, status=200) as (_, port):
        text = run(*RATE[:-2], "--take-back", TVREC_SERVICE_PORT=port).stdout
    assert text == ("user 1 took the rating of show 2 back\nevent e, partition 1000, offset 7\n")


@pytest.mark.parametrize("said", [(), ("--rating", 8, "--take-back")])
def test_rate_wants_a_rating_or_none_at_all(run: Run, said: tuple[object, ...]) -> None:
    done = run(*RATE[:-2], *said)
    assert done.exit_code == 2
    assert "say either --rating or --take-back" in done.stderr


def test_rate_without_a_service_is_5(run: Run, nobody: str) -> None:
    done = run(*RATE, TVREC_SERVICE_PORT=nobody.rpartition(":")[2])
    assert done.exit_code == 5
    assert "`make run` starts it" in done.stderr
