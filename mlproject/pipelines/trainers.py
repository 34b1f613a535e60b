"""The trainers as the settings want them, and what each competes for."""

from collections.abc import Callable, Mapping
from typing import Final

from mlproject.config import Settings
from mlproject.core.aliases import CHALLENGER, PRODUCTION
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.linear import LinearTrainer
from mlproject.training.popularity import PopularityTrainer
from mlproject.training.trainer import Trainer


def lightfm(settings: Settings) -> Trainer:
    """Return the trainer of LightFM."""
    return LightFMTrainer(
        dimensions=settings.dimensions,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        max_sampled=settings.max_sampled,
        l2=settings.l2,
        fewest_raters=settings.fewest_raters,
        patience=settings.patience,
        seconds=settings.fit_seconds,
        threads=settings.threads,
        seed=settings.seed,
    )


def linear(settings: Settings) -> Trainer:
    """Return the trainer of the sparse linear model."""
    return LinearTrainer(
        neighbours=settings.neighbours,
        ridge=settings.ridge,
        dropout=settings.dropout,
        prior=settings.prior,
        fewest_raters=settings.fewest_raters,
        seed=settings.seed,
    )


def popularity(_: Settings) -> Trainer:
    """Return the trainer of what is popular now."""
    return PopularityTrainer()


MADE: Final[Mapping[str, Callable[[Settings], Trainer]]] = {
    "lightfm": lightfm,
    "linear": linear,
    "popularity": popularity,
}
"""Each by its name."""


def competing(promote: str, trainers: Mapping[str, Trainer]) -> dict[str, list[Trainer]]:
    """Return trainers by the alias that their models compete for.

    Parameters
    ----------
    promote
        Whose models may go into production: a key of ``trainers``, or ``best`` for all.
    trainers
        By what ``promote`` calls them, in the order of training.

    Examples
    --------
    >>> both = {"lightfm": PopularityTrainer(), "linear": PopularityTrainer()}
    >>> {alias: len(found) for alias, found in competing("linear", both).items()}
    {'production': 1, 'challenger': 1}
    """
    found: dict[str, list[Trainer]] = {PRODUCTION: [], CHALLENGER: []}
    for name, trainer in trainers.items():
        found[PRODUCTION if promote in {name, "best"} else CHALLENGER].append(trainer)
    return found
