"""All that a developer writes for a job: a function of ports, and a command for it."""

from collections.abc import Iterator

import click
import pytest

from mlproject.batches.sink import BatchSink
from mlproject.bootstrap import App
from mlproject.cli import tvrec
from mlproject.cli.group import pass_app
from mlproject.core.errors import DataError
from mlproject.core.ports import ObjectStore
from mlproject.testing import MemoryStore
from tests.builders import PYARROW_AND_PANDAS, ratings
from tests.unit.cli.conftest import Run

pytestmark = PYARROW_AND_PANDAS


def count_batches(store: ObjectStore) -> int:
    """The job."""
    found = sum(1 for _ in store.list("topics/"))
    if not found:
        raise DataError("there are no batches yet; `tvrec generate-ratings` writes some")
    return found


@pytest.fixture
def command() -> Iterator[None]:
    @tvrec.command("count-batches")
    @pass_app
    def count(app: App) -> None:
        """Count the batches."""
        click.echo(count_batches(app.store))

    yield
    del tvrec.commands["count-batches"]


def test_a_job_works_on_a_fake_of_its_ports() -> None:
    store = MemoryStore()
    sink = BatchSink(store)
    sink.append(ratings(3))
    sink.flush()
    assert count_batches(store) == 1


@pytest.mark.usefixtures("command")
def test_a_command_has_help_settings_and_exit_codes_without_a_word_of_its_own(run: Run) -> None:
    assert "Count the batches." in run("count-batches", "--help").output
    done = run("count-batches")
    assert done.exit_code == 4
    assert done.output.endswith("there are no batches yet; `tvrec generate-ratings` writes some\n")
