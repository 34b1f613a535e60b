"""What is popular now: the baseline, and the list for whoever has rated nothing yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy import sparse

from mlproject.core.dates import DATED_FROM
from mlproject.core.interactions import Split
from mlproject.core.model import Floats
from mlproject.core.preferences import positive_weights
from mlproject.models.popularity import Popularity
from mlproject.training.trainer import Fitted

_DAY_MS: Final = 86_400_000.0


@dataclass(frozen=True)
class PopularityTrainer:
    """Counts positives, newer ones more."""

    name: ClassVar[str] = "popularity"

    @property
    def epochs(self) -> int:
        """One pass."""
        return 1

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Count the training part."""
        return Fitted(self.refit(split, metadata, half_life_days, {}, on_epoch))

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,  # noqa: ARG002 - metadata makes nothing popular
        half_life_days: float,
        found: Mapping[str, float],  # noqa: ARG002 - nothing is left open
        on_epoch: Callable[[int], None],
    ) -> Popularity:
        """Count the training part."""
        counted = popular_now(split, half_life_days)
        on_epoch(1)
        return Popularity(counted)


def popular_now(split: Split, half_life_days: float) -> Floats:
    """Count the positives of each show in the training part, newer ones more.

    Parameters
    ----------
    split
        What trains.
    half_life_days
        Age, seen from the newest rating of the training part, at which a positive counts
        half; more than 0.

    Returns
    -------
    numpy.ndarray
        float32, shape ``(shows,)``.
    """
    data = split.interactions
    positive = (positive_weights(data.ratings) > 0) & ~split.held_out
    times = data.rated_at[positive]
    age_days = (times.max(initial=0) - times) / _DAY_MS
    counts = np.where(times >= DATED_FROM, np.exp2(-age_days / half_life_days), 1.0)
    found = np.bincount(data.show_rows[positive], weights=counts, minlength=len(data.shows))
    return found.astype(np.float32)


def scaled(popularity: Floats, highest: float) -> Floats:
    """Scale what is at least 0, so that the most popular show has ``highest``."""
    most = max(float(popularity.max(initial=0)), float(np.finfo(np.float32).tiny))
    return np.asarray(popularity / most * highest, dtype=np.float32)
