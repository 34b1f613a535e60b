"""Raters who come, rate and go, of shows that come out and are forgotten.

It is what sets of ratings are like when they are split by time: popularity drifts, most
users rate within days, and those who are measured have trained with a few ratings.
"""

import numpy as np
from numpy.typing import NDArray

from mlproject.core.dates import DATED_FROM
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions

_DAY_MS = 86_400_000


def drifting(users: int, seed: int, shows: int = 1000, each: int = 40) -> Interactions:
    """Return ratings of shows that are half forgotten a hundred days after they came out."""
    random = np.random.default_rng(seed)
    days = 1000.0
    out = random.uniform(-days, days, shows)
    fame, taste = random.normal(size=shows) * 1.2, random.normal(size=(shows, 4))
    came = np.sort(random.uniform(0, days, users))
    liking = random.normal(size=(users, 4)) @ taste.T * 0.35
    age = came[:, None] - out
    pull = fame + liking - np.maximum(age, 0) / 150
    pull[age < 0] = -np.inf
    chosen = np.argsort(-(pull + random.gumbel(size=pull.shape)), axis=1)[:, :each]
    chosen.sort(axis=1)
    score = 7.3 + np.take_along_axis(liking, chosen, axis=1) + random.normal(size=chosen.shape)
    times = came[:, None] + random.uniform(0, 3, chosen.shape)
    rows = np.repeat(np.arange(users), each)
    return _interactions(rows, chosen.ravel(), score.ravel(), times.ravel(), users, shows)


def long_drifting(users: int, seed: int, shows: int = 4000) -> Interactions:
    """Return ratings over fourteen years, twenty to hundreds a user, the famous first.

    A fifth of the users come back after months. So few rate in a month that what is
    popular is known from a year.
    """
    random = np.random.default_rng(seed)
    days, fade, dimensions = 5000.0, 2000.0, 6
    out = random.uniform(-2 * days, days, shows)
    fame, taste = random.normal(size=shows) * 1.8, random.normal(size=(shows, dimensions))
    came = np.sort(random.uniform(0, days, users))
    wanted = np.minimum(20 + random.lognormal(np.log(50), 1.0, users).astype(int), shows // 4)
    rows, columns, scores, times = [], [], [], []
    for user in range(users):
        liking = taste @ random.normal(size=dimensions) / np.sqrt(dimensions)
        age = came[user] - out
        pull = fame + liking - np.maximum(age, 0) / fade
        pull[age < 0] = -np.inf
        count = min(int(wanted[user]), int((age >= 0).sum()))
        chosen = np.argsort(-(pull + random.gumbel(size=shows)))[:count]
        chosen = chosen[np.argsort(-(fame[chosen] + random.gumbel(size=count)))]
        at = came[user] + np.arange(count) / 4000
        if random.random() < 0.2:
            at[count // 2 :] += random.exponential(200)
        mood = random.normal(size=count) + random.normal() * 0.6
        score = 7 + 0.5 * fame[chosen] + 1.2 * liking[chosen] + mood
        order = np.argsort(chosen)
        rows.append(np.full(count, user))
        columns.append(chosen[order])
        scores.append(score[order])
        times.append(at[order])
    parts = (np.concatenate(part) for part in (rows, columns, scores, times))
    return _interactions(*parts, users, shows)


def _interactions(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    scores: NDArray[np.float64],
    days: NDArray[np.float64],
    users: int,
    shows: int,
) -> Interactions:
    return Interactions(
        users=IdMap(np.arange(users)),
        shows=IdMap(np.arange(shows)),
        user_rows=rows.astype(np.int32),
        show_rows=columns.astype(np.int32),
        ratings=np.clip(np.rint(scores), 1, 10).astype(np.float32),
        rated_at=(DATED_FROM + days * _DAY_MS).astype(np.int64),
    )
