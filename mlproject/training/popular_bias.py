"""How much what is popular now adds to the scores that a fit learned.

A fit learns the popularity of all its time. Where popularity drifts, what is popular now makes
better lists of short histories; a validation slice decides how much of it to add. With a very
large share the lists are those of popularity, so on the slice the result is no worse than either.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mlproject.core.model import Floats
from mlproject.models.factors import Factors
from mlproject.training.popularity import scaled
from mlproject.training.validation import Rows, Validation, best_of

SHARES: Final = (0.0, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 100.0)
"""Scores of the most popular show, from which one is chosen."""


def choose_popular_share(model: Factors, popularity: Floats, validation: Validation) -> float:
    """Return which of :data:`SHARES` measures best, the least of equally good ones.

    Parameters
    ----------
    model
        Fitted without the slice.
    popularity
        At least 0, float32, shape ``(shows,)``; counted without the slice.
    validation
        The slice.
    """
    histories = validation.histories()
    added = [scaled(popularity, share) for share in SHARES]

    def candidates(rows: Rows) -> Iterable[Floats]:
        scores = model.scores(histories.take(rows))
        return (scores + one for one in added)

    return best_of(SHARES, validation.precisions(candidates))


def with_popularity(model: Factors, popularity: Floats, share: float) -> Factors:
    """Add to each show's bias its popularity, that of the most popular being ``share``."""
    return replace(model, show_biases=model.show_biases + scaled(popularity, share))
