"""Compares two versions by people's ratings after interleaved answers."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ports import ObjectStore
from mlproject.exposures.preference import Preference, preference
from mlproject.exposures.stored import read_exposures
from mlproject.snapshot.switch import current


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two versions people prefer.

    Parameters
    ----------
    production, challenger
        Their numbers.
    found
        What people prefer.
    """

    production: int
    challenger: int
    found: Preference


def compare_online(
    store: ObjectStore,
    now: datetime,
    *,
    pair: tuple[int, int] | None = None,
    days: int = 30,
    window_days: float = 7,
) -> Comparison:
    """Compare two versions by the answers of the last days.

    Parameters
    ----------
    store
        Where exposures and the snapshot are.
    now
        The time.
    pair
        Production's and the challenger's number; None = the pair with the most answers.
    days
        How far back to look.
    window_days
        Days within which a rating is due to an answer.

    Raises
    ------
    NotEnoughDataError
        If there are no such answers.
    DataError
        If the snapshot is damaged.
    """
    since = now - timedelta(days=days)
    shown = [
        each
        for each in read_exposures(store, since.date())
        if each.challenger and each.shown_at >= since.timestamp() * 1000
    ]
    pairs = Counter((each.version, each.challenger) for each in shown)
    if pair is None and pairs:
        pair = pairs.most_common(1)[0][0]
    if pair is None or not pairs[pair]:
        of = f" of the versions {pair[0]} and {pair[1]}" if pair else ""
        raise NotEnoughDataError(
            f"no interleaved answers{of} in {store.uri} within {days} days; with "
            "TVREC_INTERLEAVE=0.1 the service gives them to a tenth of the users"
        )
    chosen = [each for each in shown if (each.version, each.challenger) == pair]
    ratings = current(store)[1].ratings
    return Comparison(*pair, preference(chosen, ratings, window_days))
