"""The builder opens a session of Spark for something new only."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession

from mlproject import config
from mlproject.batches.formats import encode_batch
from mlproject.batches.keys import BatchKey
from mlproject.bootstrap import App
from mlproject.catalogue.files import bundled
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import TrainingError
from mlproject.events.simulator import Simulator
from mlproject.pipelines.spark_dataset import SparkLoads
from mlproject.snapshot.ingest import ingest as ingest_here
from tests.builders import put_catalogue
from tests.spark.conftest import fill


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with App(config.load(state_dir=tmp_path_factory.mktemp("loads"))) as found:
        fill(found, 2000)
        yield found


@pytest.fixture
def opened() -> list[str]:
    """What is noted of each session."""
    return []


@pytest.fixture
def loads(app: App, spark: SparkSession, opened: list[str]) -> SparkLoads:
    @contextmanager
    def counted() -> Iterator[SparkSession]:
        opened.append("a session")
        yield spark

    found = app.spark_loads()
    found.open_session = counted
    return found


def load(loads: SparkLoads) -> tuple[str, int]:
    """Return the digest, and how many compete."""
    with loads.load() as (dataset, competitors):
        return dataset.digest, sum(map(len, competitors.values()))


def put_ratings(app: App, first: int) -> None:
    source = Simulator(
        bundled().read(), users=400, ratings=first + 100, seed=1, now=lambda: datetime.now(UTC)
    )
    key = BatchKey(0, first)
    app.store.put(str(key), encode_batch(key, source.read(first, 100)))


def test_nothing_new_opens_no_session(loads: SparkLoads, opened: list[str]) -> None:
    first, again = load(loads), load(loads)
    assert (first[0], first[1]) == (again[0], 2)
    assert again[1] == 0
    assert len(opened) == 1


def test_a_new_batch_opens_one(app: App, loads: SparkLoads, opened: list[str]) -> None:
    before, _ = load(loads)
    put_ratings(app, 2000)
    after, competing = load(loads)
    assert after != before
    assert (competing, len(opened)) == (2, 2)


def test_what_another_ingest_has_taken_in_opens_one(
    app: App, loads: SparkLoads, opened: list[str]
) -> None:
    before, _ = load(loads)
    put_ratings(app, 2000)
    ingest_here(app.store)
    assert load(loads)[0] != before
    assert len(opened) == 2


def test_a_new_show_opens_one(app: App, loads: SparkLoads, opened: list[str]) -> None:
    frame = bundled().read().frame
    put_catalogue(app.store, Catalogue.validated(frame[:-1])[0])
    before, _ = load(loads)
    put_catalogue(app.store, Catalogue.validated(frame)[0])
    assert load(loads)[0] != before
    assert len(opened) == 2


def test_after_a_build_that_failed_it_is_loaded_again(loads: SparkLoads, opened: list[str]) -> None:
    with pytest.raises(TrainingError), loads.load():
        raise TrainingError("diverged")
    assert load(loads)[1] == 2
    assert len(opened) == 2
