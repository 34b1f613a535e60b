"""Production is measured on what it has not trained on, or not at all."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.dataset.split import RandomDraw, SplitRule, TimeCut, hold_out
from mlproject.models.cache import ModelCache
from mlproject.models.files import save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.incumbents import DIGEST_TAG, SPLIT_TAG, Incumbents, find_incumbents
from mlproject.testing import MemoryRegistry
from tests.builders import model

USERS, SHOWS = 120, 40
NOW, DAY = 1_735_689_600_000, 86_400_000


def interactions(users: int = USERS, days: int = SHOWS) -> Interactions:
    """Every user rates a show a day, all of them good."""
    return Interactions(
        users=IdMap(np.arange(users)),
        shows=IdMap(np.arange(SHOWS) * 3),
        user_rows=np.repeat(np.arange(users, dtype=np.int32), days),
        show_rows=np.tile(np.arange(days, dtype=np.int32), users),
        ratings=np.full(users * days, 9, dtype=np.float32),
        rated_at=NOW + np.tile(np.arange(days) * DAY, users) + np.repeat(np.arange(users), days),
    )


@dataclass
class Place:
    """A registry with or without something in production."""

    registry: MemoryRegistry
    folder: Path

    def produce(self, data: Interactions, **tags: str) -> None:
        """Put a model of this data into production, whose run has these tags."""
        with self.registry.run("a run") as run:
            run.tags(tags)
            folder = self.folder / run.run_id
            folder.mkdir(parents=True)
            save_model(model(shows=data.shows.ids.tolist()), folder)
            run.model(folder)
        version = self.registry.register(run.run_id).number
        put_into_production(self.registry, version, by="a test", reason="it is good")

    def find(self, split: Split, digest: str = "today's") -> Incumbents:
        cache = ModelCache(self.folder / "cache", self.registry.download)
        return find_incumbents(split, digest, self.registry, cache)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(MemoryRegistry(tmp_path / "registry"), tmp_path / "made")


def by_time(data: Interactions, share: float = 0.2) -> tuple[Split, SplitRule]:
    return hold_out(data, share=share, seed=1, kind="time")


def at_random(data: Interactions, share: float = 0.2, seed: int = 1) -> tuple[Split, SplitRule]:
    return hold_out(data, share=share, seed=seed, kind="random")


def test_without_production_the_first_is_looked_for(place: Place) -> None:
    split, _ = by_time(interactions())
    found = place.find(split)
    assert (found.production, found.measured) == (None, split)
    assert found.note == "first to beat popularity"


@pytest.mark.parametrize(("digest", "same"), [("today's", True), ("yesterday's", False)])
def test_it_is_told_whether_production_knows_the_same_data(
    place: Place,
    digest: str,
    same: bool,  # noqa: FBT001
) -> None:
    split, rule = by_time(interactions())
    place.produce(interactions(), **{SPLIT_TAG: str(rule), DIGEST_TAG: digest})
    found = place.find(split)
    assert found.production is not None
    assert (found.same_data, found.note) == (same, "")
    np.testing.assert_array_equal(found.measured.held_out, split.held_out)


def test_an_earlier_cut_leaves_the_holdout_whole(place: Place) -> None:
    before, today = interactions(days=30), interactions()
    place.produce(before, **{SPLIT_TAG: str(by_time(before)[1])})
    split, _ = by_time(today)
    found = place.find(split)
    np.testing.assert_array_equal(found.measured.held_out, split.held_out)
    assert found.note == ""


def test_the_same_random_split_leaves_the_holdout_whole(place: Place) -> None:
    before, today = interactions(users=100), interactions()
    place.produce(before, **{SPLIT_TAG: str(at_random(before)[1])})
    split, _ = at_random(today)
    np.testing.assert_array_equal(place.find(split).measured.held_out, split.held_out)


@pytest.mark.parametrize(
    "rule",
    [
        RandomDraw(0.2, seed=1),
        RandomDraw(0.5, seed=9),
        TimeCut(NOW + 35 * DAY, NOW + 40 * DAY),
    ],
    ids=["another kind", "another seed", "a later cut"],
)
def test_under_another_split_only_what_was_held_out_from_both_measures(
    place: Place, rule: SplitRule
) -> None:
    data = interactions()
    place.produce(data, **{SPLIT_TAG: str(rule)})
    split, _ = by_time(data)
    found = place.find(split)
    assert 0 < found.measured.held_out.sum() < split.held_out.sum()
    assert found.production is not None
    np.testing.assert_array_equal(found.measured.held_out, split.held_out & rule.held_out(data))
    assert found.measured.rule
    held_out = found.measured.rule.held_out(data)
    np.testing.assert_array_equal(held_out, found.measured.held_out)
    assert found.note == f", on what was held out from both (production: {rule})"


def test_where_hardly_anything_was_held_out_from_both_nothing_is_compared(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    data = interactions()
    place.produce(data, **{SPLIT_TAG: str(RandomDraw(0.01, seed=5))})
    split, _ = by_time(data)
    found = place.find(split)
    assert found.production is None
    assert found.measured is split
    assert found.note.startswith("beats popularity, and version 1 in production has trained on")
    assert "the candidate is compared with popularity alone" in caplog.text


def test_a_small_holdout_is_compared_all_the_same(place: Place) -> None:
    data = interactions(users=3)
    split, rule = by_time(data)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    assert place.find(split).production is not None


@pytest.mark.parametrize("tags", [{}, {SPLIT_TAG: "somehow"}])
def test_a_production_of_unknown_making_is_not_compared(place: Place, tags: dict[str, str]) -> None:
    data = interactions()
    place.produce(data, **tags)
    found = place.find(by_time(data)[0])
    assert found.production is None
    assert "does not tell what it has trained on" in found.note


def test_nor_is_one_whose_run_is_gone(place: Place) -> None:
    data = interactions()
    split, rule = by_time(data)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    place.registry.kept_runs.clear()
    assert place.find(split).production is None


def test_the_reference_takes_part_in_the_holdout(place: Place) -> None:
    data = interactions()
    split, rule = by_time(data)
    other = RandomDraw(0.5, seed=9)
    place.produce(data, **{SPLIT_TAG: str(other)})
    place.registry.point("reference", 1)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    found = place.find(split)
    assert (found.production.version.number, found.reference.version.number) == (2, 1)
    np.testing.assert_array_equal(found.measured.held_out, split.held_out & other.held_out(data))
    assert found.measured.rule
    held_out = found.measured.rule.held_out(data)
    np.testing.assert_array_equal(held_out, found.measured.held_out)


def test_a_reference_that_has_trained_on_the_holdout_is_not_asked(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    data = interactions()
    split, rule = by_time(data)
    place.produce(data, **{SPLIT_TAG: str(RandomDraw(0.01, seed=5))})
    place.registry.point("reference", 1)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    found = place.find(split)
    assert found.reference is None
    np.testing.assert_array_equal(found.measured.held_out, split.held_out)
    assert "version 1, the reference, has trained on the holdout" in caplog.text


def test_production_is_no_reference_to_itself(place: Place) -> None:
    data = interactions()
    split, rule = by_time(data)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    place.registry.point("reference", 1)
    assert place.find(split).reference is None


def test_a_challenger_is_compared_with_the_challenger_there_is(place: Place) -> None:
    data = interactions()
    split, rule = by_time(data)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    cache = ModelCache(place.folder / "cache", place.registry.download)
    ask = partial(find_incumbents, split, "today's", place.registry, cache, "challenger")
    assert ask().production.version.number == 1
    place.registry.point("challenger", 1)
    place.produce(data, **{SPLIT_TAG: str(rule)})
    assert place.registry.production().number == 2
    assert ask().production.version.number == 1
