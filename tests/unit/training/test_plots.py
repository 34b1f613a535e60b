"""Each picture shows what it says, and is the same file for the same figures."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.training import plots
from mlproject.training.evaluation import Evaluation, evaluate

USERS, SHOWS, K = 60, 40, 5


@pytest.fixture(scope="module")
def split() -> Split:
    random = np.random.default_rng(1)
    rated = random.random((USERS, SHOWS)) < 0.4
    users, shows = np.nonzero(rated)
    data = Interactions(
        users=IdMap(np.arange(USERS)),
        shows=IdMap(np.arange(SHOWS)),
        user_rows=users.astype(np.int32),
        show_rows=shows.astype(np.int32),
        ratings=np.full(len(users), 9, dtype=np.float32),
        rated_at=np.zeros(len(users), dtype=np.int64),
    )
    return Split(data, random.random(len(users)) < 0.2)


def measured(split: Split, seed: int) -> Evaluation:
    random = np.random.default_rng(seed)
    return evaluate(lambda rows: random.random((len(rows), SHOWS), dtype=np.float32), split, K)


def texts(figure: Figure) -> str:
    (axes,) = figure.axes
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()] if legend else []
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    return " | ".join([axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *labels, *ticks])


def test_the_learning_curve_marks_the_epoch_that_was_kept() -> None:
    figure = plots.learning_curve("precision@10", [0.1, 0.3, 0.2], best=2, popular=0.15)
    assert "kept: epoch 2" in texts(figure)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.1, 0.3, 0.2]


def test_precision_is_drawn_by_activity_with_the_number_of_users(split: Split) -> None:
    one, other = measured(split, 1), measured(split, 2)
    figure = plots.precision_by_activity(one, other, split)
    counts = np.bincount(split.interactions.user_rows[~split.held_out], minlength=USERS)
    few = int((counts[one.users] < 11).sum())
    assert f"6-10\n({few})" in texts(figure)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert max(heights) <= 1
    assert sum(heights) > 0


def test_shares_of_what_is_shown_grow_to_one(split: Split) -> None:
    figure = plots.popularity_of_lists(measured(split, 1), measured(split, 2), split)
    for line in figure.axes[0].lines:
        shares = line.get_ydata()
        assert shares[-1] == pytest.approx(1)
        assert (np.diff(shares) >= 0).all()


def test_gains_and_losses_are_counted(split: Split) -> None:
    one, other = measured(split, 1), measured(split, 2)
    title = plots.against_production(one, other).axes[0].get_title()
    better = int((one.hits.sum(axis=1) > other.hits.sum(axis=1)).sum())
    assert title.startswith(f"{better} users gain, ")
    assert plots.against_production(one, one).axes[0].get_title() == (
        f"0 users gain, 0 lose, {len(one.users)} stay"
    )


@pytest.mark.parametrize("dimensions", [1, 2, 8])
def test_the_map_names_the_most_frequent_genres(dimensions: int) -> None:
    vectors = np.random.default_rng(1).normal(size=(SHOWS, dimensions)).astype(np.float32)
    genres = ["Crime", "Anime", ""] * 13 + ["Rare"]
    figure = plots.map_of_shows(vectors, np.arange(SHOWS, dtype=np.float32), genres)
    assert "other | Anime | Crime | Rare" in texts(figure)


def test_files_are_pngs_and_equal_for_equal_figures(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        figure = plots.learning_curve("precision@10", [0.1, 0.3], best=2, popular=0.15)
        plots.save({"learning_curve": figure}, tmp_path / name)
        contents.append((tmp_path / name / "learning_curve.png").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].startswith(b"\x89PNG")
