"""A file of ratings as a stream of events."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from mlproject.core import columns as c
from mlproject.core.dates import UNDATED_FROM
from mlproject.core.errors import RatingsFileError
from mlproject.core.events import EventSource, event_ids
from mlproject.core.ratings import RatingFrame
from mlproject.core.rejected import ignore
from mlproject.events.ratings_file import read_ratings_file

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """The ratings of a file, by time, or shuffled where the file has no times.

    Parameters
    ----------
    ratings
        All good rows, in the order of the stream.
    backlog
        How many events are sent at once; the rest follows at the live rate.
    """

    ratings: RatingFrame
    backlog: int

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        backlog_share: float,
        seed: int,
        on_rejected: Callable[[pd.DataFrame], None] = ignore,
    ) -> Self:
        """Read a file of any kind that :mod:`~mlproject.events.ratings_file` knows.

        Rows that are no ratings are left out, counted by reason in the log, and handed to
        ``on_rejected`` with their ``reason``.

        Raises
        ------
        RatingsFileError
            If the file cannot be used, or no row of it is a rating.
        """
        raw = read_ratings_file(path)
        if raw[c.RATED_AT].isna().all():
            # Files without times are sorted by user; in that order the last users would
            # be missing from the backlog.
            order = np.random.default_rng(seed).permutation(len(raw))
            raw = raw.iloc[order].reset_index(drop=True)
            raw[c.RATED_AT] = pd.to_datetime(raw.index + UNDATED_FROM, unit="ms", utc=True)
        else:
            raw = raw.sort_values(c.RATED_AT, kind="stable", ignore_index=True)
        raw[c.SOURCE] = EventSource.REPLAYED.value
        raw[c.EVENT_ID] = ""
        ratings, rejected = RatingFrame.validated(raw)
        if not len(ratings):
            reason = rejected[c.REASON].iloc[0]
            raise RatingsFileError(f"no row of {path} is a rating; the first: {reason}")
        if len(rejected):
            counts = rejected[c.REASON].value_counts().to_dict()
            log.warning("%d rows of %s are left out: %s", len(rejected), path, counts)
            on_rejected(rejected)
        stamps = ratings.frame[c.RATED_AT].to_numpy(dtype="datetime64[ms]").view(np.int64)
        ratings.frame[c.EVENT_ID] = event_ids(stamps, np.arange(len(ratings)), seed)
        return cls(ratings, backlog=round(len(ratings) * backlog_share))

    def read(self, position: int, limit: int) -> RatingFrame:
        """Return up to ``limit`` events from ``position``; none after the file's end."""
        return RatingFrame(
            self.ratings.frame.iloc[position : position + limit].reset_index(drop=True)
        )
