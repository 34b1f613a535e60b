"""Simulated raters with tastes that a model can learn and a person can recognise.

A rater's taste is a vector over genres that drifts from period to period, a favourite
era, a pull towards what is popular, and a few hidden dimensions that no metadata tells
of. A few raters rate much and most rate little; they rate in the evening; some shows
come out while the stream runs; a user may come back to a show in another mood. All of it
is a hash of the seed, the user, the show and the position, so nothing is stored, any
stretch of the stream can be generated again, and two processes agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue
from mlproject.core.events import EventSource, event_ids
from mlproject.core.hashing import pair_uniform
from mlproject.core.rating_scale import HIGHEST, LOWEST
from mlproject.core.ratings import RatingFrame

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTORY_DAYS: Final = 180
PERIODS: Final = 3
"""The history is cut into so many periods; taste drifts from one to the next."""
EVENTS_PER_PERIOD: Final = 200_000
"""Live events after which taste drifts again."""
EVENTS_PER_NEW_USER: Final = 100

# How busy raters are in each hour of the day, UTC: most at 20, least at 8.
_RHYTHM: Final = 1 + 0.9 * np.cos((np.arange(24) - 20) * 2 * np.pi / 24)
_LATE_SHARE: Final = 0.06
_DAY_MS: Final = 86_400_000
_HIDDEN: Final = 6
_FAVOURITES: Final = 3
_UNRATED_SHARE: Final = 0.12
_NEWCOMER_SHARE: Final = 0.2
_NEWCOMERS: Final = 20
_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True)
class World:
    """The shows as raters see them, in the order of the catalogue.

    Parameters
    ----------
    show_ids
        int64, shape ``(shows,)``.
    genres
        float64, shape ``(shows, genres)``: each genre's share of the show.
    years
        float64, shape ``(shows,)``; the median stands for a year that is not known.
    popularity
        float64, shape ``(shows,)``, of mean 0 and standard deviation 1.
    quality
        float64, shape ``(shows,)``, standard normal: what all raters agree on.
    hidden
        float64, shape ``(shows, hidden dimensions)``: what no metadata tells of.
    since
        int64, shape ``(shows,)``: the period in which the show comes out; 0 = it is there
        from the beginning.
    """

    show_ids: Ints
    genres: Floats
    years: Floats
    popularity: Floats
    quality: Floats
    hidden: Floats
    since: Ints

    @classmethod
    def of(cls, catalogue: Catalogue, seed: int) -> Self:
        """Derive the world from a catalogue."""
        frame = catalogue.frame
        show_ids = frame[c.SHOW_ID].to_numpy()
        genres = frame[c.GENRES].str.get_dummies(GENRE_SEPARATOR).to_numpy(dtype=np.float64)
        share = genres / np.maximum(genres.sum(axis=1, keepdims=True), 1)
        years = frame[c.FIRST_YEAR].to_numpy(dtype=np.float64, na_value=np.nan)
        typical = float(np.nanmedian(years)) if np.isfinite(years).any() else 2010.0
        members = np.nan_to_num(frame[c.POPULARITY].to_numpy(dtype=np.float64))
        # A late show comes out at the start of a later period, the last of them live.
        draw = pair_uniform(show_ids, show_ids, seed + 13)
        since = np.where(draw < _LATE_SHARE, 1 + (draw / _LATE_SHARE * PERIODS).astype(np.int64), 0)
        return cls(
            show_ids=show_ids,
            genres=share,
            years=np.where(np.isnan(years), typical, years),
            popularity=_standard(np.log1p(members)),
            quality=_normals(show_ids, 1, seed + 11)[:, 0],
            hidden=_normals(show_ids, _HIDDEN, seed + 12) / np.sqrt(_HIDDEN),
            since=since,
        )


class Simulator:
    """A stream of ratings by simulated users: a history at first, then live.

    Parameters
    ----------
    catalogue
        The shows that are rated.
    users, ratings
        Size of the history.
    seed
        The same seed gives the same raters and the same history, apart from its dates.
    now
        The clock; the history lies in the :data:`HISTORY_DAYS` before it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        users: int,
        ratings: int,
        seed: int,
        now: Callable[[], datetime],
    ) -> None:
        self._world = World.of(catalogue, seed)
        self._users = users
        self._seed = seed
        self._now = now
        self._counts = _activity(users, ratings, most=max(1, len(catalogue) // 2), seed=seed)
        self._history: RatingFrame | None = None

    @property
    def backlog(self) -> int:
        """Number of ratings in the history."""
        return int(self._counts.sum())

    def read(self, position: int, limit: int) -> RatingFrame:
        """Return ``limit`` events from ``position``: of the history, then live ones."""
        if position < self.backlog:
            if self._history is None:
                self._history = self._make_history()
            chosen = self._history.frame.iloc[position : position + limit]
            return RatingFrame(chosen.reset_index(drop=True))
        self._history = None
        return self._live(position, limit)

    def _make_history(self) -> RatingFrame:
        """Let every user pick as many different shows as they are active, by period."""
        parts = [
            self._pick(np.arange(start, min(start + _BLOCK, self._users)))
            for start in range(0, self._users, _BLOCK)
        ]
        users, show_rows, periods, liking = (
            np.concatenate(arrays) for arrays in zip(*parts, strict=True)
        )

        when = pair_uniform(users, show_rows, self._seed + 32)
        hour = pair_uniform(users, show_rows, self._seed + 33)
        midnight = int(self._now().timestamp() * 1000) // _DAY_MS * _DAY_MS
        length = HISTORY_DAYS // PERIODS
        day = (periods * length + when * length).astype(np.int64) - HISTORY_DAYS
        stamps = midnight + day * _DAY_MS + (_time_of_day(hour) * _DAY_MS).astype(np.int64)
        order = np.argsort(stamps, kind="stable")
        positions = np.arange(len(order))
        return self._frame(users[order], show_rows[order], stamps[order], positions, liking[order])

    def _pick(self, users: Ints) -> tuple[Ints, Ints, Ints, Floats]:
        """Return who picks which show in which period, and how much they like it."""
        shows = len(self._world.show_ids)
        rows = np.arange(len(users))
        taken = np.zeros((len(users), shows), dtype=np.bool_)
        picks: list[tuple[Ints, Ints, Ints, Floats]] = []
        for period in range(PERIODS):
            noise = _gumbel(users, self._world.show_ids, self._seed + 34 + period)
            periods = np.full(len(users), period)
            liking = self._liking(users, periods)
            pull = np.where(taken, -np.inf, self._pull(users, periods, liking) + noise)
            ranked = np.argsort(-pull, axis=1)
            # The counts of the periods add up to the user's count.
            quota = self._counts[users] * (period + 1) // PERIODS
            quota -= self._counts[users] * period // PERIODS
            chosen = np.arange(shows) < quota[:, None]
            who, what = np.repeat(rows, quota), ranked[chosen]
            taken[who, what] = True
            picks.append((users[who], what, np.full(len(who), period), liking[who, what]))
        first, second, third, fourth = zip(*picks, strict=True)
        return (
            np.concatenate(first),
            np.concatenate(second),
            np.concatenate(third),
            np.concatenate(fourth),
        )

    def _live(self, position: int, limit: int) -> RatingFrame:
        """Let users rate now: the heavy raters often, newcomers more often still."""
        positions = np.arange(position, position + limit)
        known = self._users + (positions - self.backlog) // EVENTS_PER_NEW_USER
        who = pair_uniform(positions, positions, self._seed + 41)
        heavy = (known * who**2).astype(np.int64)
        newcomer = known - (who * _NEWCOMERS).astype(np.int64)
        is_newcomer = pair_uniform(positions, known, self._seed + 42) < _NEWCOMER_SHARE
        users = np.clip(np.where(is_newcomer, newcomer, heavy), 0, None)

        periods = PERIODS + (positions - self.backlog) // EVENTS_PER_PERIOD
        pairs, which = np.unique(np.stack([users, periods]), axis=1, return_inverse=True)
        liking = self._liking(pairs[0], pairs[1])
        pull = self._pull(pairs[0], pairs[1], liking)
        reached = np.cumsum(np.exp(pull - pull.max(axis=1, keepdims=True)), axis=1)
        # The choice is drawn anew at each position, so a user may come back to a show.
        drawn = pair_uniform(positions, users, self._seed + 43) * reached[which, -1]
        show_rows = (reached[which] <= drawn[:, None]).sum(axis=1)
        now = np.full(limit, int(self._now().timestamp() * 1000))
        return self._frame(users, show_rows, now, positions, liking[which, show_rows])

    def _pull(self, users: Ints, periods: Ints, liking: Floats) -> Floats:
        """How strongly each show draws each user in a period, shape ``(users, shows)``."""
        reach = 0.6 + 0.8 * pair_uniform(users, users, self._seed + 24)
        pull = 1.3 * liking + reach[:, None] * self._world.popularity
        return np.where(self._world.since <= periods[:, None], pull, -np.inf)

    def _liking(self, users: Ints, periods: Ints) -> Floats:
        """How much each user would like each show in a period, shape ``(users, shows)``."""
        world = self._world
        genres = world.genres.shape[1]
        taste = 0.4 * _normals(users, genres, self._seed + 21)
        taste += 0.4 * _normals(users * 1_000_003 + periods, genres, self._seed + 26)
        if genres:
            ranked = np.argsort(_uniforms(users, genres, self._seed + 22), axis=1)
            rows = np.arange(len(users))
            for place, weight in enumerate((2.6, 2.0, 1.4)[: min(_FAVOURITES, genres)]):
                taste[rows, ranked[:, place]] += weight
            taste[rows, ranked[:, -1]] -= 2.0
        era = 2008 + 9 * _normals(users, 1, self._seed + 23)
        distance = (world.years - era) / 14
        hidden = _normals(users, _HIDDEN, self._seed + 25)
        liking: Floats = taste @ world.genres.T - 0.4 * distance**2 + 0.8 * hidden @ world.hidden.T
        return liking

    def _frame(
        self, users: Ints, show_rows: Ints, stamps: Ints, positions: Ints, liking: Floats
    ) -> RatingFrame:
        """Let users rate shows: a number, or nothing beyond having watched."""
        mood = _normals(positions, 1, self._seed + 51)[:, 0]
        strictness = _normals(users, 1, self._seed + 52)[:, 0]
        score = (
            6.9
            + 1.1 * liking
            + 0.7 * self._world.quality[show_rows]
            - 0.5 * strictness
            + 0.8 * mood
        )
        rating = pd.array(np.clip(np.rint(score), LOWEST, HIGHEST), dtype="Int8")
        rating[pair_uniform(positions, users, self._seed + 53) < _UNRATED_SHARE] = pd.NA
        return RatingFrame.typed(
            pd.DataFrame(
                {
                    c.EVENT_ID: pd.array(event_ids(stamps, positions, self._seed), dtype="str"),
                    c.USER_ID: users,
                    c.SHOW_ID: self._world.show_ids[show_rows],
                    c.RATING: rating,
                    c.RATED_AT: pd.to_datetime(stamps, unit="ms", utc=True).astype(
                        "datetime64[ms, UTC]"
                    ),
                    c.SOURCE: pd.array([EventSource.SIMULATED.value] * len(users), dtype="str"),
                }
            )
        )


def _time_of_day(uniform: Floats) -> Floats:
    """Turn uniform numbers into shares of a day that follow the daily rhythm."""
    reached = np.concatenate(([0.0], np.cumsum(_RHYTHM / _RHYTHM.sum())))
    return np.interp(uniform, reached, np.arange(25) / 24)


def _activity(users: int, ratings: int, *, most: int, seed: int) -> Ints:
    """Deal ``ratings`` out to users, few to most and many to a few, at most ``most`` each."""
    weights = np.exp(0.9 * _normals(np.arange(users), 1, seed + 1)[:, 0])
    counts: Ints = np.minimum(weights / weights.sum() * ratings, most).astype(np.int64)
    # Rounding and the cap leave some over; they go to those who have room, in turn.
    while (left := min(ratings, users * most) - int(counts.sum())) > 0:
        room = np.flatnonzero(counts < most)[:left]
        counts[room] += 1
    return counts


def _uniforms(ids: Ints, width: int, seed: int) -> Floats:
    """Return ``width`` numbers in [0, 1) for each id, shape ``(ids, width)``."""
    return pair_uniform(ids[:, None], np.arange(width)[None, :] + np.zeros_like(ids)[:, None], seed)


def _normals(ids: Ints, width: int, seed: int) -> Floats:
    """Return standard normal numbers for each id (Box-Muller), shape ``(ids, width)``."""
    first, second = _uniforms(ids, width, seed), _uniforms(ids, width, ~seed)
    normals: Floats = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)
    return normals


def _gumbel(rows: Ints, columns: Ints, seed: int) -> Floats:
    """Return Gumbel noise for each pair: the largest sum is a draw by softmax."""
    uniform = pair_uniform(rows[:, None], columns[None, :], seed)
    noise: Floats = -np.log(-np.log(np.clip(uniform, 1e-12, 1 - 1e-12)))
    return noise


def _standard(values: Floats) -> Floats:
    """Centre and scale to one standard deviation."""
    spread = values.std()
    standard: Floats = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return standard
