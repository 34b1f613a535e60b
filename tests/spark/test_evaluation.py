"""All users are measured on Spark as one machine measures them."""

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from mlproject import config
from mlproject.bootstrap import App
from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.cards import cards
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import HoldNothing, hold_out
from mlproject.models.cache import ModelCache
from mlproject.pipelines.dataset import Dataset, load_dataset
from mlproject.pipelines.spark_dataset import load_on_spark
from mlproject.pipelines.train import train
from mlproject.spark.evaluation import evaluate_everyone
from mlproject.spark.training_data import TrainingData
from mlproject.testing import MemoryRegistry
from mlproject.training.evaluation import by_model, evaluate_each, measured_users, popular
from mlproject.training.popularity import popular_now
from tests.spark.conftest import fill

HALF_LIFE = 3000.0
MOST_USERS = 150


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with App(config.load(state_dir=tmp_path_factory.mktemp("evaluation"))) as found:
        fill(found)
        yield found


@pytest.fixture(scope="module")
def some(app: App, spark: SparkSession) -> tuple[TrainingData, Dataset]:
    """All ratings on Spark, and those of less than half of the users here."""
    return load_on_spark(spark, app.store, app.open_store, most_users=MOST_USERS)


@pytest.fixture(scope="module")
def whole(some: tuple[TrainingData, Dataset], app: App) -> Dataset:
    return load_dataset(app.store)


@pytest.fixture(scope="module")
def model(app: App, whole: Dataset) -> TrainedModel:
    split, _ = hold_out(whole.interactions, share=0.2, seed=1)
    trainer = app.trainer("linear")
    return TrainedModel(
        shows=whole.interactions.shows,
        model=trainer.fit(split, show_metadata(whole.catalogue), HALF_LIFE, lambda _: None).model,
        popularity=popular_now(split, HALF_LIFE),
        history_weights=history_weights(),
        cards=cards(whole.catalogue),
    )


def test_the_figures_of_each_user_are_those_of_one_machine(
    some: tuple[TrainingData, Dataset],
    whole: Dataset,
    model: TrainedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split, rule = hold_out(whole.interactions, share=0.2, seed=1)
    data, drawn = some
    few = Split(drawn.interactions, rule.held_out(drawn.interactions), rule=rule)
    assert len(drawn.interactions.users) < len(whole.interactions.users) / 2
    recommenders = [partial(popular, model.popularity), partial(by_model, model)]
    found = evaluate_everyone(data, recommenders, few, 10)
    wanted = evaluate_each(recommenders, split, 10)
    for ours, theirs in zip(found, wanted, strict=True):
        ids = split.interactions.users.ids[theirs.users]
        for field in fields(theirs):
            of_one_machine = ids if field.name == "users" else getattr(theirs, field.name)
            assert np.array_equal(getattr(ours, field.name), of_one_machine), field.name
        assert ours.means() == theirs.means()


def test_a_training_on_some_users_is_judged_by_all(
    some: tuple[TrainingData, Dataset], app: App, whole: Dataset, tmp_path: Path
) -> None:
    registry = MemoryRegistry(tmp_path)
    params = replace(app.train_params, half_life_days=HALF_LIFE, refit=False)
    _, drawn = some
    result = train(
        drawn,
        registry,
        ModelCache(tmp_path / "cache", registry.download),
        app.trainer("popularity"),
        params,
        by="a test",
        tags={},
        data_uri="",
    )
    _, rule = hold_out(drawn.interactions, share=params.holdout, seed=params.seed)
    everyone = Split(whole.interactions, rule.held_out(whole.interactions), rule=rule)
    assert result.metrics["users_measured"] == len(measured_users(everyone))
    assert result.metrics["users_measured"] > result.metrics["users"]


def test_a_split_of_no_rule_is_refused(some: tuple[TrainingData, Dataset]) -> None:
    data, drawn = some
    held_out = np.ones(len(drawn.interactions), dtype=np.bool_)
    with pytest.raises(TrainingError, match="no rule"):
        evaluate_everyone(data, [], Split(drawn.interactions, held_out), 10)


def test_a_holdout_that_nobody_likes_is_told(some: tuple[TrainingData, Dataset]) -> None:
    data, drawn = some
    rule = HoldNothing()
    split = Split(drawn.interactions, rule.held_out(drawn.interactions), rule=rule)
    with pytest.raises(NotEnoughDataError, match="nothing to measure by"):
        evaluate_everyone(data, [], split, 10)
