"""``tvrec forget``: what it does, prints for people, and prints for programs."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from mlproject.batches.sink import BatchSink
from mlproject.objects.local import LocalStore
from mlproject.snapshot.ingest import ingest
from tests.builders import PYARROW_AND_PANDAS, ratings

pytestmark = PYARROW_AND_PANDAS

Run = Callable[..., Result]


def fill(state: Path) -> LocalStore:
    """Store ten ratings, three of them by user 7."""
    store = LocalStore(state / "store")
    sink = BatchSink(store)
    sink.append(ratings(10, user_id=[7, 1, 2, 7, 4, 5, 6, 7, 8, 9]))
    sink.flush()
    ingest(store)
    return store


def test_the_receipt_says_what_was_removed_and_what_remains(state: Path, run: Run) -> None:
    store = fill(state)
    result = run("forget", "--user", 7)
    assert result.exit_code == 0, result.output
    assert "User 7 is forgotten up to" in result.output
    assert "a mark in state/forgotten.json" in result.output
    assert len(ingest(store)[0]) == 7


def test_a_program_gets_json(state: Path, run: Run) -> None:
    fill(state)
    result = run("forget", "--user", 7, "--json", KAFKA_BOOTSTRAP_SERVERS="nowhere:9092")
    told = json.loads(result.stdout)
    assert (told["user_id"], told["in_batches"], told["in_snapshot"]) == (7, 3, 3)
    assert told["unreadable"] == []
    assert "by a retention of 30 days" in told["remains"][2]["until"]


def test_no_id_is_refused(state: Path, run: Run) -> None:
    result = run("forget", "--user", -1)
    assert result.exit_code == 2
    assert "a user's id is a whole number from 0" in result.output
    assert not state.exists()
