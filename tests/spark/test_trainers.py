"""The trainers on Spark make what those of one machine make, from the ratings of all users."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from scipy import sparse

from mlproject import config
from mlproject.bootstrap import SPARK_TRAINERS, App
from mlproject.core.aliases import PRODUCTION
from mlproject.core.cancel import Cancelled
from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.interactions import Split
from mlproject.core.model import Model, TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.cards import cards
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import hold_out
from mlproject.models.cache import ModelCache
from mlproject.models.linear import Linear
from mlproject.pipelines.build import Builder
from mlproject.pipelines.dataset import Dataset, load_dataset
from mlproject.pipelines.spark_dataset import load_on_spark
from mlproject.spark.training_data import TrainingData
from mlproject.testing import MemoryRegistry
from mlproject.training.evaluation import by_model, by_popularity, evaluate
from mlproject.training.popularity import popular_now
from tests.spark.conftest import fill

HALF_LIFE = 3000.0


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Simulated ratings of the bundled catalogue, in batches."""
    settings = config.load(
        state_dir=tmp_path_factory.mktemp("trainers"), dimensions=16, als_iterations=5
    )
    with App(settings) as found:
        fill(found)
        yield found


@pytest.fixture(scope="module")
def loaded(app: App, spark: SparkSession) -> tuple[TrainingData, Dataset]:
    """All ratings on Spark, and here."""
    return load_on_spark(spark, app.store, app.open_store, most_users=100_000)


@pytest.fixture(scope="module")
def split(loaded: tuple[TrainingData, Dataset]) -> Split:
    return hold_out(loaded[1].interactions, share=0.2, seed=1)[0]


def model_of(app: App, name: str, loaded: tuple[TrainingData, Dataset], split: Split) -> Model:
    data, dataset = loaded
    steps: list[int] = []
    trainer = app.spark_trainer(name, data)
    metadata = show_metadata(dataset.catalogue)
    fitted = trainer.fit(split, metadata, HALF_LIFE, steps.append)
    assert steps[-1] == trainer.epochs
    return fitted.model


def precision(model: Model, dataset: Dataset, split: Split) -> float:
    whole = TrainedModel(
        shows=dataset.interactions.shows,
        model=model,
        popularity=popular_now(split, HALF_LIFE),
        history_weights=history_weights(),
        cards=cards(dataset.catalogue),
    )
    return float(evaluate(by_model(whole, split), split, 10).precision.mean())


def test_all_users_are_here_if_they_are_few(app: App, loaded: tuple[TrainingData, Dataset]) -> None:
    wanted, found = load_dataset(app.store), loaded[1]
    assert found.digest == wanted.digest
    assert found.counts() == wanted.counts()


def test_the_users_that_are_drawn_are_drawn_whole_and_always_the_same(
    loaded: tuple[TrainingData, Dataset],
) -> None:
    data, dataset = loaded
    few, more = data.drawn(0.2), data.drawn(0.4)
    assert 0 < len(few) < len(more) < data.manifest.rows
    everything = dataset.state.ratings
    drawn = everything.take(np.isin(everything.user_id, few.user_id))
    assert np.array_equal(few.user_id, drawn.user_id)
    assert np.array_equal(few.show_id, drawn.show_id)
    assert set(few.user_id.tolist()) <= set(more.user_id.tolist())


def test_linear_has_the_weights_of_one_machine(
    app: App, loaded: tuple[TrainingData, Dataset], split: Split
) -> None:
    found = model_of(app, "linear", loaded, split)
    metadata = show_metadata(loaded[1].catalogue)
    wanted = app.trainer("linear").fit(split, metadata, HALF_LIFE, lambda _: None).model
    assert isinstance(found, Linear)
    assert isinstance(wanted, Linear)
    ours, theirs = (
        sparse.csr_array((one.values.astype(np.float32), one.columns, one.indptr))
        for one in (found, wanted)
    )
    # Sums in another order, and their halves: a neighbour of equal cosine may differ.
    assert abs(ours - theirs).mean() < 1e-5
    assert np.array_equal(found.prior, wanted.prior)


@pytest.mark.parametrize("name", SPARK_TRAINERS)
def test_a_model_is_better_than_popularity(
    name: str, app: App, loaded: tuple[TrainingData, Dataset], split: Split
) -> None:
    popularity = evaluate(by_popularity(popular_now(split, HALF_LIFE)), split, 10)
    found = precision(model_of(app, name, loaded, split), loaded[1], split)
    assert found > 1.1 * popularity.precision.mean()


@pytest.mark.parametrize("name", SPARK_TRAINERS)
def test_settings_are_fields_and_the_data_is_none(
    name: str, app: App, loaded: tuple[TrainingData, Dataset]
) -> None:
    assert "data" not in asdict(app.spark_trainer(name, loaded[0]))


@pytest.mark.parametrize("name", SPARK_TRAINERS)
def test_a_fit_ends_when_it_is_told_to(
    name: str, app: App, loaded: tuple[TrainingData, Dataset], split: Split
) -> None:
    def stop(_: int) -> None:
        raise Cancelled

    trainer = app.spark_trainer(name, loaded[0])
    with pytest.raises(Cancelled):
        trainer.fit(split, show_metadata(loaded[1].catalogue), HALF_LIFE, stop)


@pytest.mark.parametrize("name", SPARK_TRAINERS)
def test_a_split_of_no_rule_is_refused(
    name: str, app: App, loaded: tuple[TrainingData, Dataset], split: Split
) -> None:
    blind = Split(split.interactions, split.held_out)
    with pytest.raises(TrainingError, match="no rule"):
        app.spark_trainer(name, loaded[0]).refit(
            blind,
            show_metadata(loaded[1].catalogue),
            HALF_LIFE,
            {"prior": 1.0, "popular_share": 0.0},
            lambda _: None,
        )


@pytest.mark.parametrize("name", SPARK_TRAINERS)
def test_too_few_raters_are_told(
    name: str, app: App, loaded: tuple[TrainingData, Dataset], split: Split
) -> None:
    data, dataset = loaded
    with App(app.settings.model_copy(update={"fewest_raters": 10_000})) as strict:
        trainer = strict.spark_trainer(name, data)
    with pytest.raises(NotEnoughDataError, match="10000 raters"):
        trainer.refit(
            split,
            show_metadata(dataset.catalogue),
            HALF_LIFE,
            {"prior": 1.0, "popular_share": 0.0},
            lambda _: None,
        )


def test_the_builder_trains_on_spark_when_there_is_something_new(
    app: App, spark: SparkSession, tmp_path: Path
) -> None:
    assert spark is SparkSession.getActiveSession()
    settings = app.settings.model_copy(update={"promote": "best"})
    registry = MemoryRegistry(tmp_path)
    with App(settings) as place:
        cache = ModelCache(tmp_path / "cache", registry.download)
        builder = Builder(
            place.store,
            registry,
            cache,
            {},
            replace(place.train_params, half_life_days=HALF_LIFE),
            load=place.spark_loads().load,
        )
        first = builder.build()
        assert [result.alias for result in first] == [PRODUCTION, PRODUCTION]
        production = registry.production()
        assert production
        assert builder.build() == []
    model = cache.load(production)
    assert model.model.kind in {"factors", "linear"}
