"""``tvrec compare-online``: what it prints for people, and for programs."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from click.testing import Result

from mlproject.batches.sink import BatchSink
from mlproject.exposures.records import encode, new_key
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from tests.builders import PYARROW_AND_PANDAS, ratings
from tests.unit.exposures.conftest import mixed

pytestmark = PYARROW_AND_PANDAS

Run = Callable[..., Result]

USERS = 30


def fill(state: Path) -> None:
    """Store answers of yesterday, and a like of the challenger's show an hour later."""
    store = LocalStore(state / "store")
    at = int(time.time() * 1000) - 86_400_000
    shown = [mixed(user, at, "pc") for user in range(USERS)]
    store.put(new_key(at), encode(shown))
    liked_at = pd.Timestamp(at + 3_600_000, unit="ms", tz="UTC")
    sink = BatchSink(store)
    sink.append(ratings(USERS, show_id=2, rating=9, rated_at=liked_at))
    sink.flush()
    ingest(store)


def test_people_are_told_what_people_prefer(state: Path, run: Run) -> None:
    fill(state)
    result = run("compare-online")
    assert result.exit_code == 0, result.output
    assert "Version 3 in production, version 4 beside it" in result.output
    assert "100.0% (95 %: 100.0% to 100.0%)" in result.output
    assert result.output.endswith("people prefer the challenger\n")


def test_a_program_gets_json(state: Path, run: Run) -> None:
    fill(state)
    told = json.loads(run("compare-online", "--versions", 3, 4, "--json").stdout)
    assert (told["production"], told["challenger"]) == (3, 4)
    assert told["found"]["telling"] == told["found"]["users"] == USERS
    assert told["verdict"] == "people prefer the challenger"


def test_without_such_answers_it_says_how_to_get_them(state: Path, run: Run) -> None:
    result = run("compare-online")
    assert result.exit_code == 4
    assert "TVREC_INTERLEAVE=0.1" in result.output
    fill(state)
    other = run("compare-online", "--versions", 3, 5)
    assert "no interleaved answers of the versions 3 and 5" in other.output
