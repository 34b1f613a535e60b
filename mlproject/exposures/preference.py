"""Which of two versions people prefer, from interleaved answers.

An answer counts for the version whose shows in it were liked more often. Answers of one user are
correlated, so they are grouped: the share is a ratio over users, and its variance that
of a ratio of means (W. G. Cochran, Sampling Techniques, 3rd edition, 1977, section 6.3).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.exposures import BOTH, CHALLENGER, PRODUCTION, Exposure
from mlproject.core.preferences import LIKED
from mlproject.core.rating_columns import RatingColumns

DAY_MS: Final = 86_400_000
FEWEST_USERS: Final = 20
"""With fewer users than that, no interval of a ratio is to be trusted."""
_CONFIDENCE: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Preference:
    """What people prefer.

    Parameters
    ----------
    share
        Of the answers that speak for one of both, those that speak for the challenger, a tie
        counting half; NaN if there are none.
    low, high
        Its confidence interval of 95 %.
    answers
        In which both took turns.
    telling
        Of these, those of which something was liked.
    users
        Whose answers the telling ones are.
    """

    share: float
    low: float
    high: float
    answers: int
    telling: int
    users: int

    @property
    def verdict(self) -> str:
        """Say what follows."""
        if self.users < FEWEST_USERS:
            return f"too few users have liked something ({self.users}) to tell; wait for more"
        if self.low > 1 / 2:
            return "people prefer the challenger"
        if self.high < 1 / 2:
            return "people prefer production"
        return "no difference that could not be chance"


def preference(
    exposures: Sequence[Exposure], ratings: RatingColumns, window_days: float
) -> Preference:
    """Join answers with what was rated afterwards.

    A rating of 8 or more credits the last answer before it that showed the user the show, if
    that was not too long ago; of a show that both versions would have placed there, none.

    Parameters
    ----------
    exposures
        Interleaved answers of one pair of versions, in any order.
    ratings
        The latest rating of each user and show, in any order.
    window_days
        Days after which a rating is not due to the answer.
    """
    credited = _credits(exposures, ratings, int(window_days * DAY_MS))
    outcomes: dict[int, list[float]] = {}
    for place, (ours, theirs) in credited.items():
        outcome = (np.sign(theirs - ours) + 1) / 2
        outcomes.setdefault(exposures[place].user_id, []).append(float(outcome))
    share, low, high = ratio(
        np.array([sum(each) for each in outcomes.values()]),
        np.array([len(each) for each in outcomes.values()], dtype=np.float64),
    )
    return Preference(share, low, high, len(exposures), len(credited), len(outcomes))


def ratio(totals: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the ratio of two sums over users, and its confidence interval of 95 %.

    Parameters
    ----------
    totals, counts
        One of each for each user, shape ``(u,)``.

    Examples
    --------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    (0.5, 0.5, 0.5)
    """
    users, whole = len(counts), float(counts.sum())
    if not whole:
        return math.nan, math.nan, math.nan
    share = float(totals.sum()) / whole
    if users == 1:
        return share, 0.0, 1.0
    spread = float(np.square(totals - share * counts).sum()) * users / (users - 1)
    half = _CONFIDENCE * math.sqrt(spread) / whole
    return share, max(0.0, share - half), min(1.0, share + half)


def _credits(
    exposures: Sequence[Exposure], ratings: RatingColumns, window_ms: int
) -> dict[int, tuple[int, int]]:
    """Return by place of an answer how many shows of production and challenger were liked."""
    liked = _liked(ratings, {each.user_id for each in exposures})
    last: dict[tuple[int, int], tuple[int, str]] = {}
    order = sorted(range(len(exposures)), key=lambda place: exposures[place].shown_at)
    for place in order:
        exposure = exposures[place]
        for show_id, team in zip(exposure.shows, exposure.teams, strict=True):
            at = liked.get((exposure.user_id, show_id))
            if at is not None and exposure.shown_at <= at <= exposure.shown_at + window_ms:
                last[exposure.user_id, show_id] = place, team
    found: dict[int, tuple[int, int]] = {}
    for place, team in last.values():
        if team == BOTH:
            continue
        ours, theirs = found.get(place, (0, 0))
        found[place] = ours + (team == PRODUCTION), theirs + (team == CHALLENGER)
    return found


def _liked(ratings: RatingColumns, users: Iterable[int]) -> dict[tuple[int, int], int]:
    """Return by user and show when it was liked, for some users."""
    wanted = np.fromiter(users, dtype=np.int64)
    rows = ratings.take(np.isin(ratings.user_id, wanted)).standing()
    rows = rows.take(rows.rating >= LIKED)
    pairs = zip(rows.user_id.tolist(), rows.show_id.tolist(), strict=True)
    return dict(zip(pairs, rows.rated_at.tolist(), strict=True))
