"""A file of ratings as a stream of events."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.errors import RatingsFileError
from mlproject.core.events import EventSource, event_ids
from mlproject.core.rating_scale import UNRATED
from mlproject.core.ratings import RatingFrame
from mlproject.core.rejected import ignore
from mlproject.events.parts import START_OVER, Part
from mlproject.reading.ratings import RatingsFile, Told, read_ratings

log = logging.getLogger(__name__)

_HASHED: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """The ratings of a file, by time, or shuffled where the file has no times.

    A file that has grown since a replay of it was begun is a stream of parts: first what
    was there then, in the order in which it was sent, then what was added. So a position
    in the stream means the same event as before.

    Parameters
    ----------
    file
        The good rows, in the order of the file.
    parts
        Where the parts of the stream end; the last one at the end of the file.
    order
        Rows of the file in the order of the stream, shape ``(n,)``.
    seed
        Of the order of files without times, and of the events' ids.
    backlog
        How many events are sent at once; the rest follows at the live rate.
    """

    file: RatingsFile
    parts: tuple[Part, ...]
    order: NDArray[np.int64]
    seed: int
    backlog: int

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        backlog_share: float,
        seed: int,
        told: Told | None = None,
        on_rejected: Callable[[pd.DataFrame], None] = ignore,
    ) -> Self:
        """Read a file of any kind that :mod:`mlproject.reading` knows, and say what it is.

        Rows that are no ratings are left out, counted by reason in the log, and handed to
        ``on_rejected`` with their ``reason``.

        Raises
        ------
        RatingsFileError
            If the file cannot be used, is in doubt, or too many rows of it are no ratings.
        """
        file = read_ratings(path, told or Told())
        log.log(logging.WARNING if len(file.rejected) else logging.INFO, "%s", file.said)
        if len(file.rejected):
            on_rejected(file.rejected)
        return cls.of(file, backlog_share=backlog_share, seed=seed)

    @classmethod
    def of(cls, file: RatingsFile, *, backlog_share: float, seed: int) -> Self:
        """Replay a whole file from its beginning."""
        rows = len(file.rows)
        part = Part(rows, digests(file.rows, (rows,))[0])
        order = _order(file, (part,), seed)
        return cls(file, (part,), order, seed, backlog=round(rows * backlog_share))

    def resumed(self, begun: tuple[Part, ...], sent: int) -> Self:
        """Go on with a replay that was begun before.

        Parameters
        ----------
        begun
            The parts of the stream as they were then.
        sent
            How many events are durable; parts of which none is may have changed.

        Raises
        ------
        RatingsFileError
            If a part of which events were sent is no longer what it was: what is to come
            could not be told from what was sent.
        """
        rows = len(self.file.rows)
        starts = (0, *(part.end for part in begun))
        ends = tuple(part.end for part in begun if part.end <= rows)
        found = dict(zip(ends, digests(self.file.rows, ends), strict=True))
        kept: list[Part] = []
        for start, part in zip(starts, begun, strict=False):
            if found.get(part.end) == part.digest:
                kept.append(part)
                continue
            if start >= sent:
                break
            what = (
                f"has {rows:,} ratings, and had {part.end:,}"
                if part.end > rows
                else f"has other ratings within its first {part.end:,} than"
            )
            raise RatingsFileError(
                f"{self.file.path} {what} when its replay was begun; a file may grow at its end "
                f"and change in no other way. {START_OVER}"
            )
        is_whole = bool(kept) and kept[-1].end == rows
        parts = tuple(kept) if is_whole else (*kept, self.parts[-1])
        return replace(self, parts=parts, order=_order(self.file, parts, self.seed))

    def read(self, position: int, limit: int) -> RatingFrame:
        """Return up to ``limit`` events from ``position``; none after the file's end."""
        chosen = self.order[position : position + limit]
        frame = self.file.rows.iloc[chosen].reset_index(drop=True)
        stamps = frame[c.RATED_AT].to_numpy(dtype="datetime64[ms]").view(np.int64)
        positions = np.arange(position, position + len(chosen))
        frame[c.EVENT_ID] = pd.array(event_ids(stamps, positions, self.seed), dtype="str")
        frame[c.SOURCE] = pd.array([EventSource.REPLAYED.value] * len(frame), dtype="str")
        # The file's rows are checked, and the types of those two are what they should be.
        return RatingFrame.typed(frame)


def digests(rows: pd.DataFrame, ends: tuple[int, ...]) -> list[str]:
    """Return the digest of the first rows up to each end, ascending.

    It covers what is sent, in the order of the file: not how the file is written.
    """
    ratings = rows[c.RATING].to_numpy(dtype=np.int8, na_value=UNRATED)
    stamps = rows[c.RATED_AT].to_numpy(dtype="datetime64[ms]").view(np.int64)
    columns = (rows[c.USER_ID].to_numpy(), rows[c.SHOW_ID].to_numpy(), ratings, stamps)
    hashed, found, done = hashlib.blake2b(digest_size=16), [], 0
    for end in ends:
        for start in range(done, end, _HASHED):
            # Row after row, so that a digest does not depend on where blocks begin.
            block = [column[start : min(start + _HASHED, end)] for column in columns]
            hashed.update(np.stack(block, axis=1).astype("<i8").tobytes())
        done = end
        found.append(hashed.copy().hexdigest())
    return found


def _order(file: RatingsFile, parts: tuple[Part, ...], seed: int) -> NDArray[np.int64]:
    """Order each part by time; shuffled without times.

    Files without times are sorted by user; in that order the last users would be missing
    from the backlog.
    """
    starts = (0, *(part.end for part in parts[:-1]))
    stamps = file.rows[c.RATED_AT].to_numpy(dtype="datetime64[ms]").view(np.int64)
    orders = [
        start
        + (
            np.argsort(stamps[start : part.end], kind="stable")
            if file.dated
            else np.random.default_rng((seed, start)).permutation(part.end - start)
        )
        for start, part in zip(starts, parts, strict=True)
    ]
    return np.concatenate(orders) if orders else np.empty(0, dtype=np.int64)
