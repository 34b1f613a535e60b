"""Training as a whole: from what is in the store to a run, and to a version if it earns it."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlproject.batches.sink import BatchSink
from mlproject.core import columns as c
from mlproject.core.cancel import Cancelled
from mlproject.core.catalogue import Catalogue
from mlproject.core.decisions import FOREVER
from mlproject.core.errors import (
    CatalogueError,
    NotEnoughDataError,
    StoreUnavailableError,
    TrackingUnavailableError,
)
from mlproject.core.ratings import RatingFrame
from mlproject.core.runs import RunInfo
from mlproject.dataset.split import TimeCut, hold_out, read_rule
from mlproject.events.simulator import Simulator
from mlproject.models.cache import ModelCache
from mlproject.models.factors import Factors
from mlproject.models.files import load_model
from mlproject.pipelines.dataset import Dataset, load_dataset
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.model_card import LONGEST
from mlproject.pipelines.train import TrainParams, TrainResult, train
from mlproject.registry.gate import Rules
from mlproject.testing import MemoryRegistry, MemoryStore
from mlproject.testing.registry import _MemoryRun
from mlproject.training.evaluation import by_model, evaluate
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.popularity import PopularityTrainer
from mlproject.training.trainer import Fitted, Trainer
from tests.builders import put_catalogue, ratings, shows

GENRES = ("Crime", "Comedy", "Drama", "Fantasy", "Horror", "Anime")
TRAINER = LightFMTrainer(
    dimensions=4,
    epochs=2,
    learning_rate=0.2,
    max_sampled=10,
    l2=0.0,
    fewest_raters=1,
    patience=2,
    seconds=60,
    threads=1,
    seed=3,
)
WEAKER = replace(TRAINER, epochs=1, learning_rate=0.001)
PARAMS = TrainParams(
    seed=3,
    half_life_days=30,
    holdout=0.2,
    split="auto",
    k=5,
    rules=Rules(),
)
BOLD = replace(PARAMS, rules=Rules(leak=10))
"""No gain is too good to be true."""


def some_shows() -> Catalogue:
    """Return 120 shows of six genres, a few of them little known."""
    numbers = range(120)
    raw = pd.DataFrame(
        {
            c.SHOW_ID: [1000 + number for number in numbers],
            c.TITLE: [f"Show {number}" for number in numbers],
            c.GENRES: [GENRES[number % 6] if number % 7 else "" for number in numbers],
            c.FIRST_YEAR: [1990 + number % 35 if number % 5 else None for number in numbers],
            c.EPISODES: [number if number % 3 else None for number in numbers],
            c.NETWORK: ["HBO" if number % 2 else None for number in numbers],
            c.POPULARITY: [100 / (1 + number % 40) if number % 11 else None for number in numbers],
        }
    )
    return Catalogue.validated(raw)[0]


def shows_and_a_new_one() -> Catalogue:
    raw = some_shows().frame
    new = raw.iloc[[0]].assign(**{c.SHOW_ID: 2000, c.TITLE: "New"})
    return Catalogue.validated(pd.concat([raw, new], ignore_index=True))[0]


@pytest.fixture(scope="module")
def history() -> RatingFrame:
    """Five thousand ratings by 200 simulated users."""
    now = datetime(2025, 1, 1, tzinfo=UTC)
    source = Simulator(some_shows(), users=200, ratings=5000, seed=6, now=lambda: now)
    return source.read(0, source.backlog)


def stored(events: RatingFrame, batch_rows: int = 1000) -> MemoryStore:
    """Return a store with the catalogue and these events."""
    store = MemoryStore()
    put_catalogue(store, some_shows())
    sink = BatchSink(store, batch_rows=batch_rows)
    sink.append(events)
    sink.flush()
    return store


@pytest.fixture(scope="module")
def dataset(history: RatingFrame) -> Dataset:
    return load_dataset(stored(history))


@dataclass
class Place:
    """Where trainings go."""

    registry: MemoryRegistry
    cache: ModelCache
    epochs: list[int] = field(default_factory=list)

    @property
    def last_run(self) -> RunInfo:
        return self.registry.runs(1)[0]

    def train(
        self,
        dataset: Dataset,
        trainer: Trainer = TRAINER,
        params: TrainParams = PARAMS,
        **options: object,
    ) -> TrainResult:
        return train(
            dataset,
            self.registry,
            self.cache,
            trainer,
            params,
            by="a test",
            tags={"more": "to note"},
            data_uri="memory://",
            on_epoch=self.epochs.append,
            **options,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    registry = MemoryRegistry(tmp_path / "registry")
    return Place(registry, ModelCache(tmp_path / "cache", registry.download))


def test_the_first_winner_becomes_production(place: Place, dataset: Dataset) -> None:
    result = place.train(dataset)
    production = place.registry.production()
    assert result.version == production
    assert (production.number, production.run_id) == (1, result.run_id)
    assert production.tags["promoted_by"] == "a test"
    assert production.tags["reason"] == result.verdict.reason
    assert result.verdict.reason.startswith("first to beat popularity: precision@5 0.")
    assert place.epochs[:3] == [1, 2, 2], "on a slice, and on the training part"


def test_a_run_tells_what_it_did(place: Place, dataset: Dataset) -> None:
    result = place.train(dataset)
    run = place.last_run
    assert (run.run_id, run.status) == (result.run_id, "FINISHED")
    assert run.name.endswith(" lightfm cold +5,000 ratings")
    assert run.tags["note"].startswith("**promoted**: first to beat popularity: ")
    card = place.registry.folder / f"{run.run_id}-model_card.md"
    assert card.read_text(encoding="utf-8") == run.tags["note"]
    assert len(run.tags["note"]) < LONGEST
    assert "at most 10 shows |" in run.tags["note"]
    assert run.metrics == result.metrics
    assert run.metrics["precision_at_5"] > run.metrics["popularity_precision_at_5"]
    assert not [name for name in run.metrics if name.startswith("production_")]
    assert run.metrics["ratings"] == len(dataset.interactions)
    assert 0.1 < run.metrics["ratings_held_out"] / run.metrics["ratings"] < 0.3
    assert (run.params["trainer"], run.params["dimensions"]) == ("lightfm", "4")
    assert (run.params["holdout"], run.params["split"]) == ("0.2", "auto")
    assert run.tags["split"] == result.split
    assert isinstance(read_rule(result.split), TimeCut)
    assert run.metrics["cold_users"] > 0
    assert 0 <= run.metrics["cold_user_precision_at_5"] <= 1
    assert "popularity_cold_user_precision_at_5" in run.metrics
    assert all(np.isfinite(list(run.metrics.values())))
    assert run.tags["dataset_digest"] == dataset.digest
    assert run.tags["dataset"] == f"ratings {dataset.digest[:36]} memory://"
    assert run.tags["trained_by"] == "a test"
    assert run.tags["more"] == "to note"
    assert run.tags["verdict"] == "promote"
    assert run.tags["reason"] == result.verdict.reason


def test_the_model_that_is_logged_is_what_was_trained(place: Place, dataset: Dataset) -> None:
    result = place.train(dataset)
    model = load_model(place.registry.folder / result.run_id)
    assert len(model.shows) == len(dataset.catalogue)
    assert isinstance(model.model, Factors)
    assert model.model.show_vectors.shape == (len(dataset.catalogue), 4)
    assert len(model.cards) == len(dataset.catalogue)


def test_another_trainer_makes_another_kind_by_the_same_way(place: Place, dataset: Dataset) -> None:
    result = place.train(dataset, PopularityTrainer())
    run = place.last_run
    assert run.params["trainer"] == "popularity"
    assert run.params["half_life_days"] == "30"
    assert run.metrics["precision_at_5"] == run.metrics["popularity_precision_at_5"]
    assert load_model(place.registry.folder / result.run_id).model.kind == "popularity"


def test_what_passes_is_fitted_again_on_everything_to_be_served(
    place: Place, dataset: Dataset
) -> None:
    first = place.train(dataset)
    served = place.cache.load(first.version)
    measured = place.cache.load_measured(first.version)
    assert place.last_run.tags["served"] == "fitted again on everything, the holdout included"
    assert served.popularity.sum() > 1.1 * measured.popularity.sum(), "a fifth more ratings"
    assert not np.array_equal(served.model.show_vectors, measured.model.show_vectors)


def test_what_a_version_serves_is_never_measured_by_what_it_has_learned(
    place: Place, dataset: Dataset
) -> None:
    """The next candidate meets the model that left the holdout out."""
    first = place.train(dataset)
    second = place.train(dataset)
    name = "precision_at_5"
    assert second.metrics[f"production_{name}"] == pytest.approx(first.metrics[name])
    split, _ = hold_out(dataset.interactions, share=0.2, seed=3)
    served = place.cache.load(first.version)
    flattered = evaluate(by_model(served, split), split, 5).precision.mean()
    assert flattered > second.metrics[f"production_{name}"] + 0.01


@pytest.mark.parametrize("params", [replace(PARAMS, refit=False), BOLD])
def test_else_what_was_measured_is_served(
    place: Place, dataset: Dataset, params: TrainParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nobody asks for more, or the second fit is not fit to be served."""
    refit = LightFMTrainer.refit

    def blind(self: LightFMTrainer, *args: object) -> Factors:
        model = refit(self, *args)
        return replace(model, fold_in=0 * model.fold_in, show_biases=0 * model.show_biases)

    monkeypatch.setattr(LightFMTrainer, "refit", blind)
    result = place.train(dataset, params=params)
    assert place.last_run.tags["served"] == "as measured"
    served, measured = place.cache.load(result.version), place.cache.load_measured(result.version)
    np.testing.assert_array_equal(served.popularity, measured.popularity)


def test_an_equal_one_is_only_logged(place: Place, dataset: Dataset) -> None:
    first, second = place.train(dataset), place.train(dataset)
    assert second.version is None
    assert second.verdict.reason.startswith("equal: precision@5 0.")
    assert place.registry.production().number == first.version.number
    assert len(place.registry.versions(100)) == 1
    assert place.last_run.tags["verdict"] == "keep"
    assert (place.registry.folder / second.run_id).is_dir(), "to be promoted by hand"
    assert place.last_run.tags["served"] == "as measured"


def test_production_is_measured_on_the_same_holdout(place: Place, dataset: Dataset) -> None:
    """The same model twice: what was measured then is measured now."""
    first = place.train(dataset).metrics
    second = place.train(dataset, WEAKER)
    for name in ("precision_at_5", "recall_at_5", "ndcg_at_5", "coverage_at_5"):
        assert second.metrics[f"production_{name}"] == pytest.approx(first[name])
    assert second.metrics["precision_at_5"] < first["precision_at_5"]
    assert second.version is None


def test_a_better_one_takes_its_place(place: Place, dataset: Dataset) -> None:
    place.train(dataset, WEAKER, promote=False)
    put_into_production(
        place.registry,
        place.registry.register(place.last_run.run_id).number,
        by="hand",
        reason="try",
    )
    result = place.train(dataset, params=BOLD)
    assert result.version.number == 2
    assert result.verdict.reason.startswith("better by 0.")
    assert place.registry.version(1).aliases == ("previous",)


def test_newer_ratings_are_no_reason_and_new_shows_are(place: Place, history: RatingFrame) -> None:
    first = place.train(load_dataset(stored(history)))
    begun = ratings(3, **{c.USER_ID: 5000, c.SHOW_ID: [1000, 1006, 1012], c.RATING: 10})
    begun.frame[c.RATED_AT] = history.frame[c.RATED_AT].max()
    store = stored(RatingFrame.concat([history, begun]))
    # Fits this short differ much; none is to count as better.
    lenient = replace(PARAMS, rules=Rules(min_effect=1, margin=0.5, reference_margin=1, leak=10))

    assert place.train(load_dataset(store), params=lenient).version is None
    assert place.registry.production().number == first.version.number

    put_catalogue(store, shows_and_a_new_one())
    result = place.train(load_dataset(store), params=lenient)
    assert result.verdict.reason.startswith("due (1 new show) and ")
    assert result.version.number == 2


def test_looks_are_counted_by_recipe_and_version(place: Place, dataset: Dataset) -> None:
    first = place.train(dataset)
    assert not [tag for tag in first.version.tags if tag.startswith("gate_looks_")]
    for trainer in (TRAINER, replace(TRAINER, seed=9), WEAKER):
        place.train(dataset, trainer)
    tags = place.registry.production().tags
    looks = {value for tag, value in tags.items() if tag.startswith("gate_looks_")}
    assert looks == {"1", "2"}, "another seed is another look of the same recipe"


def test_the_first_to_be_replaced_becomes_the_reference(place: Place, dataset: Dataset) -> None:
    place.train(dataset, WEAKER, promote=False)
    put_into_production(
        place.registry,
        place.registry.register(place.last_run.run_id).number,
        by="hand",
        reason="try",
    )
    result = place.train(dataset, params=BOLD)
    assert result.verdict.becomes_reference, "it is better by far"
    assert place.registry.aliased("reference").number == result.version.number
    again = place.train(dataset)
    assert "reference_precision_at_5" not in again.metrics, "it is production itself"


def test_the_reference_is_measured_on_the_same_holdout(place: Place, dataset: Dataset) -> None:
    best = place.train(dataset)
    place.train(dataset, WEAKER, promote=False)
    weaker = place.registry.register(place.last_run.run_id).number
    put_into_production(place.registry, weaker, by="hand", reason="to see")
    place.registry.point("reference", best.version.number)
    result = place.train(dataset, WEAKER)
    assert result.metrics["reference_precision_at_5"] == pytest.approx(
        best.metrics["precision_at_5"]
    )


def test_a_challenger_gets_its_own_alias_and_production_stays(
    place: Place, dataset: Dataset
) -> None:
    place.train(dataset, WEAKER, promote=False)
    put_into_production(
        place.registry,
        place.registry.register(place.last_run.run_id).number,
        by="hand",
        reason="try",
    )
    result = place.train(dataset, params=BOLD, alias="challenger")
    assert (result.version.number, result.version.aliases) == (2, ("challenger",))
    assert place.registry.production().number == 1
    equal = place.train(dataset, alias="challenger")
    assert equal.version is None, "it has to beat the challenger now"
    assert len(place.registry.versions(100)) == 2


def test_what_must_not_be_served_is_not_promoted(
    place: Place, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = LightFMTrainer.fit

    def blind(self: LightFMTrainer, *args: object) -> Fitted:
        fitted = fit(self, *args)
        return replace(fitted, model=replace(fitted.model, fold_in=0 * fitted.model.fold_in))

    monkeypatch.setattr(LightFMTrainer, "fit", blind)
    result = place.train(dataset)
    assert result.version is None
    assert "same list" in result.verdict.reason


def test_a_run_has_pictures(place: Place, dataset: Dataset) -> None:
    place.train(dataset)
    second = place.train(dataset)
    names = {path.name for path in (place.registry.folder / f"{second.run_id}-plots").iterdir()}
    assert names == {
        "against_production.png",
        "learning_curve.png",
        "map_of_shows.png",
        "popularity.png",
        "precision_by_activity.png",
    }


def test_under_another_split_all_are_measured_on_what_was_held_out_from_both(
    place: Place, dataset: Dataset
) -> None:
    first = place.train(dataset, params=replace(PARAMS, split="random"))
    assert first.split == "random 0.2 seed 3"
    second = place.train(dataset)
    assert "on what was held out from both (production: random 0.2 seed 3)" in second.verdict.reason
    assert "production_precision_at_5" in second.metrics
    assert second.metrics["ratings_held_out"] > 900, "what measures is less than what is held out"


def test_a_winner_is_only_logged_when_asked(place: Place, dataset: Dataset) -> None:
    result = place.train(dataset, promote=False)
    assert result.verdict.promote
    assert result.version is None
    assert place.registry.versions(100) == []


def test_an_unreadable_production_does_not_block(
    place: Place, dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    first = place.train(dataset)
    (place.registry.folder / first.run_id / "shows.json").write_text("damaged")
    second = place.train(dataset)
    assert "version 1 in production cannot be measured" in caplog.text
    assert second.version.number == 2
    assert "version 1 in production cannot be measured" in second.verdict.reason
    assert "production_precision_at_5" not in second.metrics


@pytest.mark.parametrize("trouble", [TrackingUnavailableError, StoreUnavailableError])
def test_a_production_that_cannot_be_fetched_now_ends_the_run(
    place: Place, dataset: Dataset, trouble: type[Exception]
) -> None:
    """It may be good: to promote without having measured it would be a guess."""
    first = place.train(dataset)

    def down(_: int, __: Path) -> Path:
        raise trouble("down")

    place.cache = ModelCache(place.cache.folder, down)
    with pytest.raises(trouble):
        place.train(dataset)
    assert place.last_run.status == "FAILED"
    assert place.registry.production().number == first.version.number


def test_a_winner_is_logged_and_kept_while_a_person_holds_production(
    place: Place, dataset: Dataset
) -> None:
    place.train(dataset, WEAKER)
    place.train(dataset, WEAKER, promote=False)
    tried = place.registry.register(place.last_run.run_id).number
    put_into_production(place.registry, tried, by="ann", reason="to see", held_until=FOREVER)
    result = place.train(dataset, params=BOLD)
    assert result.verdict.promote
    assert result.version is None
    assert result.held is not None
    assert "production is held by ann" in place.last_run.tags["decision"]
    production = place.registry.production()
    assert production is not None
    assert production.number == tried
    assert len(place.registry.versions(10)) == tried, "no version that nobody asked for"


@pytest.mark.parametrize("step", ["text", "register"])
def test_a_run_tells_of_a_person_who_decides_at_its_end(
    place: Place, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place.train(dataset, WEAKER)
    kind: type = _MemoryRun if step == "text" else MemoryRegistry
    go_on = getattr(kind, step)

    def decide_first(*arguments: str) -> object:
        monkeypatch.undo()
        put_into_production(place.registry, 1, by="ann", reason="I like it", held_until=FOREVER)
        return go_on(*arguments)

    monkeypatch.setattr(kind, step, decide_first)
    result = place.train(dataset, params=BOLD)
    assert result.verdict.promote
    assert result.version is None
    assert result.held is not None
    production = place.registry.production()
    assert production is not None
    assert production.number == 1
    assert place.last_run.tags["decision"].startswith("kept: production is held by ann")
    assert place.last_run.tags["note"].startswith("**kept: production is held by ann")


def test_a_cancelled_run_is_killed_and_nothing_is_promoted(place: Place, dataset: Dataset) -> None:
    with pytest.raises(Cancelled):
        place.train(dataset, should_stop=lambda: True)
    assert place.epochs == [1]
    assert place.last_run.status == "KILLED"
    assert place.registry.versions(100) == []
    assert not place.registry.folder.exists(), "no model was logged"


def test_without_a_catalogue_there_is_nothing_to_train(store: MemoryStore) -> None:
    with pytest.raises(CatalogueError, match="`tvrec export-shows` puts one there"):
        load_dataset(store)


def test_without_ratings_there_is_nothing_to_train(store: MemoryStore) -> None:
    put_catalogue(store, some_shows())
    with pytest.raises(NotEnoughDataError, match="`tvrec generate-ratings` sends some"):
        load_dataset(store)


@pytest.mark.parametrize(("known", "share"), [(0, "0%"), (3, "43%")])
def test_a_catalogue_of_other_shows_is_no_catalogue_to_train_on(known: int, share: str) -> None:
    """What ratings and catalogue have in common is chance."""
    store = stored(ratings(7))
    put_catalogue(store, shows(100 + known))
    with pytest.raises(CatalogueError) as caught:
        load_dataset(store, min_known=0.5)
    assert f"knows the shows of {share} of the ratings only ({known} of 7)" in str(caught.value)
    assert "`tvrec export-shows --catalogue FILE`" in str(caught.value)
    if known:
        assert load_dataset(store, min_known=0.4).known_share == known / 7


def test_ratings_of_unknown_shows_are_named() -> None:
    with pytest.raises(NotEnoughDataError, match=r"1 batches, 7 ratings of unknown shows"):
        load_dataset(stored(ratings(7)))


@pytest.mark.parametrize(
    ("rating", "sentence"),
    [(3, "is a positive to train on"), (6, "no rating in the holdout is 8 or more")],
)
def test_ratings_that_nobody_can_learn_from_fail_the_run(
    place: Place, rating: int, sentence: str
) -> None:
    events = ratings(300, **{c.RATING: rating})
    events.frame[c.USER_ID] = events.frame[c.USER_ID] % 10
    events.frame[c.SHOW_ID] = 1000 + events.frame.index // 10
    with pytest.raises(NotEnoughDataError, match=sentence):
        place.train(load_dataset(stored(events)))
    assert place.last_run.status == "FAILED"
    assert place.registry.versions(100) == []


def test_equal_data_has_an_equal_digest_however_it_is_stored(
    history: RatingFrame, dataset: Dataset
) -> None:
    twice = RatingFrame.concat([history, RatingFrame(history.frame.iloc[:100])])
    for events, batch_rows in ((history, 37), (history, 10_000), (twice, 500)):
        assert load_dataset(stored(events, batch_rows)).digest == dataset.digest


def test_other_data_has_another_digest(history: RatingFrame, dataset: Dataset) -> None:
    fewer = stored(RatingFrame(history.frame.iloc[:-1]))
    changed = history.frame.copy()
    changed.loc[0, c.RATING] = 1 if changed.loc[0, c.RATING] != 1 else 2
    retitled = stored(history)
    shows = some_shows().frame
    shows.loc[0, c.TITLE] = "Another title"
    put_catalogue(retitled, Catalogue(shows))
    stores = (fewer, stored(RatingFrame(changed)), retitled)
    assert len({dataset.digest, *(load_dataset(store).digest for store in stores)}) == 4


def test_training_twice_gives_the_same_model(
    place: Place, dataset: Dataset, tmp_path: Path
) -> None:
    again = MemoryRegistry(tmp_path / "again")
    first = place.train(dataset).metrics
    second = Place(again, ModelCache(tmp_path / "another", again.download)).train(dataset).metrics
    for timing in ("fit_seconds", "duration_seconds", "cpu_seconds", "peak_memory_mb"):
        del first[timing], second[timing]
    assert first == second


def test_cards_have_what_is_known_and_nothing_else(place: Place, dataset: Dataset) -> None:
    result = place.train(dataset)
    cards = load_model(place.registry.folder / result.run_id).cards
    text = json.dumps(cards, allow_nan=False)
    assert "null" not in text
    assert "NaN" not in text
    assert "<NA>" not in text
    assert cards[0] == {c.SHOW_ID: 1000, c.TITLE: "Show 0", c.GENRES: []}
    assert cards[1] == {
        c.SHOW_ID: 1001,
        c.TITLE: "Show 1",
        c.GENRES: ["Comedy"],
        c.FIRST_YEAR: 1991,
        c.EPISODES: 1,
        c.NETWORK: "HBO",
    }
