"""Which ratings train and which measure."""

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mlproject.core.dates import DATED_FROM
from mlproject.core.hashing import pair_uniform
from mlproject.core.interactions import HoldoutRule, Interactions, Split

SplitKind = Literal["auto", "time", "random"]
Mask = NDArray[np.bool_]

FEWEST_TRAINING: Final = 5
"""So many of each user's ratings, the first, train whatever the time cut says."""
FEWEST_RATINGS: Final = 5
"""A user with fewer has nothing held out at random."""

# When times serve: how many must be real, and how many users must be measured.
_DATED_SHARE: Final = 0.95
_FEWEST_USERS: Final = 10
# How far the share that is held out may be from what was asked, as a factor.
_FAR: Final = 2.0

_TIME: Final = re.compile(r"time from (\S+)Z to (\S+)Z")
_RANDOM: Final = re.compile(r"random (\S+) seed (\d+)")


@dataclass(frozen=True, slots=True)
class TimeCut:
    """What was rated later measures, as a model in use is measured by what comes next.

    A user's first :data:`FEWEST_TRAINING` ratings train even then: without any, there
    is nothing to recommend a newcomer by.

    Parameters
    ----------
    cut
        Milliseconds since 1970, UTC; a rating of this time or later is held out.
    until
        The time of the newest rating there was; of what was rated anew later, the cut
        does not tell on which side it was.

    Notes
    -----
    One cut for all users, since a cut of each user's own lets a model learn from what
    others did later: Ji, Sun, Zhang and Li, "A Critical Study on Data Leakage in
    Recommender System Offline Evaluation", ACM TOIS 41(3), 2023.
    """

    cut: int
    until: int

    def __str__(self) -> str:
        first, last = (np.datetime64(time, "ms") for time in (self.cut, self.until))
        return f"time from {first}Z to {last}Z"

    def held_out(self, interactions: Interactions) -> Mask:
        """Tell which ratings are held out, bool, shape ``(n,)``, in O(n).

        Of ratings of the same user and time, that of the lower show id comes first.
        """
        users, times = interactions.user_rows, interactions.rated_at
        held: Mask = times >= self.cut
        late = np.flatnonzero(held)
        size = len(interactions.users)
        early = np.bincount(users, minlength=size) - np.bincount(users[late], minlength=size)
        # Only of who had rated little before the cut does the order in time matter.
        wanting = np.maximum(FEWEST_TRAINING - early, 0)
        rows = late[wanting[users[late]] > 0]
        of_user = users[rows]
        rows = rows[np.lexsort((times[rows], of_user))]
        starts = np.flatnonzero(np.diff(of_user, prepend=-1))
        place = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
        held[rows[place < wanting[of_user]]] = False
        return held


@dataclass(frozen=True, slots=True)
class RandomDraw:
    """A hash of user, show and seed decides, for users of :data:`FEWEST_RATINGS` or more.

    A rating therefore stays on its side in every cycle while ratings come in, but for
    users who have reached five in between.

    Parameters
    ----------
    share
        Between 0 and 1. A larger share holds out the same and more.
    seed
        Another seed, another holdout.
    """

    share: float
    seed: int

    def __str__(self) -> str:
        return f"random {self.share} seed {self.seed}"

    def held_out(self, interactions: Interactions) -> Mask:
        """Tell which ratings are held out, bool, shape ``(n,)``, in O(n)."""
        users = interactions.users.ids[interactions.user_rows]
        shows = interactions.shows.ids[interactions.show_rows]
        drawn: Mask = pair_uniform(users, shows, self.seed) < self.share
        counts = np.bincount(interactions.user_rows, minlength=len(interactions.users))
        return drawn & (counts >= FEWEST_RATINGS)[interactions.user_rows]


@dataclass(frozen=True, slots=True)
class HoldNothing:
    """All ratings train."""

    def held_out(self, interactions: Interactions) -> Mask:
        """Return False for each rating, bool, shape ``(n,)``."""
        return np.zeros(len(interactions), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class HeldByAll:
    """What each of some rules holds out."""

    rules: tuple[HoldoutRule, ...]

    def held_out(self, interactions: Interactions) -> Mask:
        """Tell which ratings are held out, bool, shape ``(n,)``."""
        held: Mask = np.logical_and.reduce([rule.held_out(interactions) for rule in self.rules])
        return held


SplitRule = TimeCut | RandomDraw
"""What held ratings out; its ``str`` is noted of a run, :func:`read_rule` reads it."""


def hold_out(
    interactions: Interactions, *, share: float, seed: int, kind: SplitKind = "auto"
) -> tuple[Split, SplitRule]:
    """Hold out a share of the ratings: the newest, or some at random.

    Parameters
    ----------
    interactions
        One rating a (user, show).
    share
        Between 0 and 1.
    seed
        Of a random holdout.
    kind
        ``auto`` cuts by time if the times serve: nearly all of them are real, and the
        cut holds out between half and twice the share, by ten users or more. A file
        without times, or all of one day's import, does not.

    Returns
    -------
    tuple
        The split, and the rule that made it.
    """
    draw = RandomDraw(share, seed)
    if kind != "random" and len(interactions):
        times = interactions.rated_at
        cut = TimeCut(_cut(times, share), until=int(times.max()))
        held = cut.held_out(interactions)
        if kind == "time" or _serves(interactions, held, share):
            return Split(interactions, held, by_time=True, rule=cut), cut
    return Split(interactions, draw.held_out(interactions), rule=draw), draw


def read_rule(text: str) -> SplitRule | None:
    """Read what ``str`` made of a rule; None if it is none.

    Examples
    --------
    >>> read_rule("time from 2025-01-01T00:00:00.000Z to 2025-02-01T00:00:00.000Z")
    TimeCut(cut=1735689600000, until=1738368000000)
    >>> read_rule(str(RandomDraw(0.2, seed=42)))
    RandomDraw(share=0.2, seed=42)
    """
    try:
        if found := _TIME.fullmatch(text):
            return TimeCut(
                *(int(np.datetime64(text, "ms").astype(np.int64)) for text in found.groups())
            )
        if found := _RANDOM.fullmatch(text):
            return RandomDraw(float(found[1]), int(found[2]))
    except ValueError:
        pass
    return None


def _cut(times: NDArray[np.int64], share: float) -> int:
    """Return the time that has about a share of the ratings at or after it, in O(n).

    Ratings of one time are on one side: that on which the share is nearer.
    """
    wanted = share * len(times)
    place = min(round(len(times) - wanted), len(times) - 1)
    at = int(np.partition(times, place)[place])
    with_ties, without = np.count_nonzero(times >= at), np.count_nonzero(times > at)
    return at if abs(with_ties - wanted) <= abs(without - wanted) else at + 1


def _serves(interactions: Interactions, held: Mask, share: float) -> bool:
    """Tell whether times mean something, and their cut leaves something to measure by."""
    found = np.count_nonzero(held) / len(held)
    dated = np.count_nonzero(interactions.rated_at >= DATED_FROM) / len(held)
    return bool(
        dated >= _DATED_SHARE
        and share / _FAR <= found <= share * _FAR
        and len(np.unique(interactions.user_rows[held])) >= _FEWEST_USERS
    )
