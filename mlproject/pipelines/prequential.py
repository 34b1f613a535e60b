"""Measures production on ratings that have just arrived, before any model learns from them.

Each rating is first predicted and only then learned (prequential evaluation): Dawid,
"Statistical theory: the prequential approach", Journal of the Royal Statistical Society A
147(2), 1984; for streams Gama, Sebastião and Rodrigues, "On evaluating stream learning
algorithms", Machine Learning 90(3), 2013. This is the only way to measure the served
model, since it has learned all earlier ratings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import HIGHEST
from mlproject.dataset.drift import psi
from mlproject.models.popularity import Popularity
from mlproject.training.evaluation import by_model, evaluate

FEWEST: Final = 30
"""With fewer users or ratings there is no alarm: what they say is chance."""
SURE: Final = 2.33
"""Standard errors that production has to be below popularity: 99 % of one side."""
UNKNOWN_SHOWS: Final = 0.2
SHIFT: Final = 0.25
"""Alarm above these: a share of the ratings, and a population stability index."""


@dataclass(frozen=True, slots=True)
class Online:
    """How well production has predicted the ratings that have just arrived.

    Parameters
    ----------
    version
        What is in production.
    k
        The k of precision@k.
    ratings
        Of users and shows that have met for the first time.
    precisions
        The mean precision@k of the users who liked something new, by whose lists: of what
        production serves (``""``), of the model that was measured when it was made, and of
        what was popular then; empty if nobody liked anything new.
    users
        How many users that is.
    unknown_users, unknown_shows
        Shares of the ratings: of users who had rated nothing before, and of shows that
        production does not know.
    rating_shift
        Population stability index of the values against those of before; 0 without any.
    alarms
        A sentence for each figure that is beyond its bound.
    """

    version: int
    k: int
    ratings: int
    users: int
    unknown_users: float
    unknown_shows: float
    rating_shift: float
    precisions: Mapping[str, float] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        told = [f"{self.ratings:,} new ratings before anybody learns from them"]
        if self.precisions:
            named = {"": f"version {self.version}", "measured": "as it was measured"}
            figures = (
                f"{named.get(whose, whose)} {value:.4f}" for whose, value in self.precisions.items()
            )
            told.append(f"precision@{self.k} of {self.users:,} users: {', '.join(figures)}")
        told.append(f"{self.unknown_users:.0%} by users without a history")
        told.append(f"{self.unknown_shows:.0%} of shows that it does not know")
        told.append(f"shift of the values {self.rating_shift:.2f}")
        return "; ".join(told)

    def metrics(self) -> dict[str, float]:
        """Return the figures by the names they are logged under."""
        return {
            "online_ratings": self.ratings,
            "online_users": self.users,
            "online_unknown_users_share": self.unknown_users,
            "online_unknown_shows_share": self.unknown_shows,
            "online_rating_shift": self.rating_shift,
            **{
                f"online_{f'{whose}_' if whose else ''}precision_at_{self.k}": value
                for whose, value in self.precisions.items()
            },
        }

    def fields(self) -> dict[str, Any]:
        """Return the same for programs, as fields of the log line."""
        return {"production": self.version, **self.metrics()}


def arrived(data: Interactions, before: RatingColumns) -> NDArray[np.bool_]:
    """Tell which interactions are of a user and a show that had not met before.

    Parameters
    ----------
    data
        Of now.
    before
        The ratings of before, sorted by user, then show.

    Returns
    -------
    numpy.ndarray
        bool, shape ``(n,)``. A show that was rated anew is no discovery, and False.
    """
    users, shows = data.users.rows(before.user_id), data.shows.rows(before.show_id)
    known = (users != UNKNOWN_ROW) & (shows != UNKNOWN_ROW)
    width = len(data.shows)
    old = users[known].astype(np.int64) * width + shows[known]
    # Rows ascend as ids do, so both are sorted.
    now = data.user_rows.astype(np.int64) * width + data.show_rows
    places = np.searchsorted(old, now)
    places[places == len(old)] = 0
    return np.ones(len(now), dtype=np.bool_) if not len(old) else old[places] != now


def foreseen(
    data: Interactions,
    new: NDArray[np.bool_],
    served: TrainedModel,
    measured: TrainedModel,
    *,
    version: int,
    k: int,
) -> Online | None:
    """Measure production on the ratings that have just arrived.

    Parameters
    ----------
    data
        Of now.
    new
        What of it has arrived since production learned last, see :func:`arrived`.
    served, measured
        Production's models.
    version, k
        See :class:`Online`.

    Returns
    -------
    Online or None
        None if nothing has arrived.
    """
    count = int(np.count_nonzero(new))
    if not count:
        return None
    histories = np.bincount(data.user_rows[~new], minlength=len(data.users))
    values = np.nan_to_num(data.ratings).astype(np.int64)
    old, latest = (np.bincount(values[part], minlength=HIGHEST + 1) for part in (~new, new))
    online = Online(
        version=version,
        k=k,
        ratings=count,
        users=0,
        unknown_users=float((histories[data.user_rows[new]] == 0).mean()),
        unknown_shows=float(
            (served.shows.rows(data.shows.ids)[data.show_rows[new]] == UNKNOWN_ROW).mean()
        ),
        rating_shift=psi(old, latest) if old.any() else 0.0,
    )
    popular = replace(served, model=Popularity(served.popularity))
    split = Split(data, new)
    try:
        found = {
            name: evaluate(by_model(model, split), split, k).precision
            for name, model in (("", served), ("measured", measured), ("popularity", popular))
        }
    except NotEnoughDataError:
        return replace(online, alarms=_alarms(online, np.zeros(0)))
    return replace(
        online,
        users=len(found[""]),
        precisions={whose: float(values.mean()) for whose, values in found.items()},
        alarms=_alarms(online, found[""] - found["popularity"]),
    )


def _alarms(online: Online, ahead: NDArray[np.float64]) -> tuple[str, ...]:
    """Say what is beyond its bound.

    Parameters
    ----------
    online
        What was found.
    ahead
        By how much each user is served better by production than by popularity.
    """
    found = []
    if len(ahead) >= FEWEST:
        error = float(ahead.std(ddof=1)) / np.sqrt(len(ahead))
        if ahead.mean() + SURE * error < 0:
            found.append(
                f"version {online.version} serves {len(ahead):,} users of the newest ratings worse "
                f"than what was popular when it was made, by {-ahead.mean():.4f} of "
                f"precision@{online.k}; `tvrec train` makes another, `tvrec rollback` goes back"
            )
    if online.ratings >= FEWEST and online.unknown_shows > UNKNOWN_SHOWS:
        found.append(
            f"{online.unknown_shows:.0%} of the newest ratings are of shows that version "
            f"{online.version} does not know; a build that may promote will learn them"
        )
    if online.ratings >= FEWEST and online.rating_shift > SHIFT:
        found.append(
            f"the newest ratings are not like those before them: a stability index of "
            f"{online.rating_shift:.2f}, and {SHIFT} is the bound; has a scale or a source changed?"
        )
    return tuple(found)
