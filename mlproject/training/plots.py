"""Plots of a training, for the page of its run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Split
from mlproject.core.model import Floats
from mlproject.training.evaluation import Evaluation

_SIZE: Final = (7.0, 4.2)
_DPI: Final = 110
_OURS, _POPULAR, _PRODUCTION = "#1b6ca8", "#b0b0b0", "#d98e04"
_ACTIVITY: Final = (6, 11, 21, 51, 101, 201)
_NAMED_GENRES: Final = 8


def save(figures: dict[str, Figure], folder: Path) -> None:
    """Write each figure as a PNG of its name into an existing folder."""
    # Without the time of writing: equal figures, equal files.
    with mpl.rc_context({"font.size": 10}):
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png", dpi=_DPI, metadata={"Software": None})


def learning_curve(metric: str, measured: Sequence[float], best: int, popular: float) -> Figure:
    """Draw a metric on the validation slice after each epoch, and where the fit stopped.

    Parameters
    ----------
    metric
        Its name.
    measured
        Its value after epoch 1, 2, …
    best
        The epoch whose model was kept, from 1.
    popular
        The value of popularity.
    """
    figure, axes = _axes("epoch", f"{metric} on the validation slice")
    axes.plot(range(1, len(measured) + 1), measured, color=_OURS, marker=".", label="candidate")
    axes.axhline(popular, color=_POPULAR, linestyle="--", label="popularity")
    axes.axvline(best, color=_PRODUCTION, linewidth=1, label=f"kept: epoch {best}")
    axes.legend(frameon=False)
    return figure


def precision_by_activity(candidate: Evaluation, popular: Evaluation, split: Split) -> Figure:
    """Draw the mean precision@k of users by how many ratings they have in the training part."""
    data = split.interactions
    counts = np.bincount(data.user_rows[~split.held_out], minlength=len(data.users))
    groups = np.digitize(counts[candidate.users], _ACTIVITY)
    edges = (0, *_ACTIVITY)
    names = [f"{low}-{high - 1}" for low, high in zip(edges, _ACTIVITY, strict=False)]
    names.append(f"{_ACTIVITY[-1]}+")
    there = [group for group in range(len(names)) if (groups == group).any()]
    figure, axes = _axes(
        "ratings in the training part (users measured)", f"precision@{candidate.k}"
    )
    places = np.arange(len(there))
    for shift, whose, evaluation, color in (
        (-0.2, "candidate", candidate, _OURS),
        (0.2, "popularity", popular, _POPULAR),
    ):
        means = [float(evaluation.precision[groups == group].mean()) for group in there]
        axes.bar(places + shift, means, width=0.4, color=color, label=whose)
    axes.set_xticks(
        places, [f"{names[group]}\n({np.count_nonzero(groups == group):,})" for group in there]
    )
    axes.legend(frameon=False)
    return figure


def popularity_of_lists(candidate: Evaluation, popular: Evaluation, split: Split) -> Figure:
    """Draw what share of all recommendations the most recommended shows have."""
    data = split.interactions
    figure, axes = _axes(
        "share of the shows, those shown or rated most first", "share of what is shown or rated"
    )
    rated = np.bincount(data.show_rows[~split.held_out], minlength=len(data.shows))
    for whose, counts, color in (
        (f"candidate: {candidate.coverage:.1%} of the shows", _shown(candidate), _OURS),
        (f"popularity: {popular.coverage:.1%} of the shows", _shown(popular), _POPULAR),
        ("ratings that trained", rated, _PRODUCTION),
    ):
        grown = np.cumsum(np.sort(counts)[::-1]) / max(1, counts.sum())
        axes.plot(np.arange(1, len(grown) + 1) / len(grown), grown, color=color, label=whose)
    axes.set_xscale("log")
    axes.legend(frameon=False, loc="lower right")
    return figure


def against_production(candidate: Evaluation, production: Evaluation) -> Figure:
    """Draw how many users get better or worse lists than from production, and by how much."""
    hits = candidate.hits.sum(axis=1).astype(np.int64) - production.hits.sum(axis=1)
    furthest = int(np.abs(hits).max(initial=1))
    values, counts = (
        np.arange(-furthest, furthest + 1),
        np.bincount(hits + furthest, minlength=2 * furthest + 1),
    )
    figure, axes = _axes(f"hits more among {candidate.k} shows than production", "users")
    colors = [_POPULAR if value == 0 else _OURS if value > 0 else _PRODUCTION for value in values]
    axes.bar(values, counts, color=colors)
    better, worse = int(counts[values > 0].sum()), int(counts[values < 0].sum())
    axes.set_title(f"{better:,} users gain, {worse:,} lose, {counts[furthest]:,} stay")
    return figure


def map_of_shows(vectors: Floats, popularity: Floats, genres: Sequence[str]) -> Figure:
    """Draw the most popular shows by the two main directions of their vectors.

    Parameters
    ----------
    vectors
        Shape ``(shows, d)``.
    popularity
        Shape ``(shows,)``: the thousand highest are drawn, larger if more popular.
    genres
        The first genre of each show, empty if it has none; the most frequent get a color.
    """
    chosen = np.argsort(-popularity, kind="stable")[:1000]
    centred = vectors[chosen].astype(np.float64)
    centred -= centred.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    places = centred @ directions[:2].T
    if places.shape[1] == 1:
        places = np.hstack([places, np.zeros_like(places)])
    of_chosen = np.array([genres[show] for show in chosen.tolist()], dtype=object)
    names, counts = np.unique(of_chosen[of_chosen != ""].astype(str), return_counts=True)
    named = names[np.argsort(-counts, kind="stable")][:_NAMED_GENRES].tolist()
    figure, axes = _axes("first direction", "second direction")
    sizes = 6 + 60 * popularity[chosen] / max(float(popularity.max(initial=0)), 1e-9)
    colors = mpl.colormaps["tab10"]
    others = ~np.isin(of_chosen.astype(str), named)
    axes.scatter(
        places[others, 0],
        places[others, 1],
        s=sizes[others],
        color="#dddddd",
        label="other",
        linewidths=0,
    )
    for place, name in enumerate(named):
        own = of_chosen == name
        axes.scatter(
            places[own, 0],
            places[own, 1],
            s=sizes[own],
            color=colors(place),
            label=name,
            alpha=0.7,
            linewidths=0,
        )
    axes.legend(frameon=False, fontsize=8, ncols=2, markerscale=0.8)
    return figure


def _shown(evaluation: Evaluation) -> NDArray[np.int64]:
    """Count how often each show is in a list."""
    shown = evaluation.lists[evaluation.lists != UNKNOWN_ROW]
    return np.bincount(shown, minlength=evaluation.shows)


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    # A figure of its own, without pyplot, which keeps every figure it makes.
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes
