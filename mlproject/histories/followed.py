"""The histories that the service answers from; they follow the snapshot and the stream.

There are three layers. For each show the rating that counts is chosen by one total order, so the
order, the repetition and the path of arrival do not matter:

1. a copy of the snapshot, mapped files that all workers of a machine share;
2. the stream from the copy's position on, in this process's memory (the overlay);
3. ratings given through this process that the stream has not delivered yet.

A copy is written from the snapshot at a first start. When the overlay has grown to its bound,
one worker merges it and the copy into a new copy, and all map that: so memory is bounded
whether builders run or not, and a restart goes on from the newest copy. Where the stream
lacked something (Kafka had deleted it, a batch was unreadable), the next copy is written from
the first snapshot that has come so far.

A list in the store says who was forgotten, and is looked at every few seconds. From then on
their ratings do not count, in whichever layer they are, and a new copy is written without them.

The position is exact: an answer's history is all ratings below the position's offsets and
those that it names beyond, and no others.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mlproject.batches.arrived import Arrived
from mlproject.batches.forgotten import read_forgotten
from mlproject.batches.keys import FORGOTTEN
from mlproject.batches.progress import Watermark
from mlproject.core.errors import TvrecError, UnavailableError
from mlproject.core.events import Place, RatingEvent
from mlproject.core.forgotten import NOBODY
from mlproject.core.numbers import INT64_MAX
from mlproject.core.ports import ObjectStore
from mlproject.core.rating_order import rated_of
from mlproject.core.user_histories import HistoriesStatus, History, Position
from mlproject.core.user_ratings import UserRatings
from mlproject.histories.ahead import Ahead
from mlproject.histories.copies import Copies, Copy
from mlproject.histories.marks import ahead_of, covers, not_covered
from mlproject.histories.overlay import Overlay
from mlproject.histories.stream import RatingStream
from mlproject.histories.writing import Plan, write_copy
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.manifest import Manifest
from mlproject.snapshot.switch import read_manifest

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 1.0
# Writing copies takes at most a twentieth of the time.
_REST_FACTOR: Final = 20
_MANIFEST_SECONDS: Final = 10.0
_FORGOTTEN_SECONDS: Final = 2.0
# For what waiting alone does not mend, and for another worker that writes.
_LONG_RETRY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How histories are kept.

    Parameters
    ----------
    live_ratings
        Ratings in memory at which a new copy is written. At twice as many the stream waits
        until there is one, and the lag shows.
    poll_seconds
        Seconds between looks at the stream, where it has to be looked at.
    """

    live_ratings: int = 100_000
    poll_seconds: float = 1.0


DEFAULTS: Final = Limits()


class FollowedHistories:
    """The histories of all users; see :class:`~mlproject.core.user_histories.UserHistories`.

    Parameters
    ----------
    store
        Where the snapshot is.
    stream
        What comes after it.
    copies
        Where copies are on this machine.
    limits
        How to keep them.
    monotonic
        A clock in seconds.
    """

    def __init__(
        self,
        store: ObjectStore,
        stream: RatingStream,
        copies: Copies,
        limits: Limits = DEFAULTS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._stream = stream
        self._copies = copies
        self._limits = limits
        self._monotonic = monotonic
        # Guards what `of` reads; held for microseconds, some hundreds with a large batch.
        self._lock = threading.Lock()
        self._copy = Copy(RatingsByUser.empty())
        self._forgotten = NOBODY
        self._overlay = Overlay(self._copy.ratings, self._forgotten)
        self._ahead = Ahead()
        self._offsets: dict[int, int] = {}
        # The rest is the following thread's.
        self._watermarks: dict[int, Watermark] = {}
        self._missed: dict[int, Watermark] = {}
        self._is_loaded = False
        self._is_checked = False
        self._unusable = ""
        self._current_at = -math.inf
        self._passed_over = 0
        self._trouble = ""
        self._snapshot_trouble = ""
        self._writing_trouble = ""
        self._writer: threading.Thread | None = None
        self._rest_until = -math.inf
        self._manifest_at = -math.inf
        self._forgotten_at = -math.inf
        self._forgotten_etag: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="histories", daemon=True)

    def start(self) -> None:
        """Take up the copy on this machine at once, and follow from now on."""
        if copy := self._copies.current():
            self._adopt(copy)
        self._thread.start()

    def close(self) -> None:
        """Follow no more; a copy that is being written is left unfinished."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._stream.close()

    def of(self, user_id: int) -> History:
        """Return a user's history; without ratings if the user is unknown."""
        is_id = 0 <= user_id <= INT64_MAX
        with self._lock:
            position = Position(
                self._copy.generation, self._offsets.copy(), self._ahead.places(user_id)
            )
            more = self._ahead.of(user_id, self._overlay)
            ratings = self._overlay.of(user_id, more) if is_id else UserRatings.none()
        return History(ratings, position)

    def add(self, event: RatingEvent, place: Place) -> None:
        """Let an event count at once that came through this process and is durable."""
        rated = rated_of(event.record())
        with self._lock:
            if place.offset >= self._offsets.get(place.partition, 0):
                self._ahead.add(rated, place.partition, place.offset)

    @property
    def position(self) -> Position:
        """How far the stream and the snapshot are known."""
        with self._lock:
            return Position(self._copy.generation, self._offsets.copy())

    @property
    def status(self) -> HistoriesStatus:
        """How well histories are known."""
        trouble = (
            self._trouble or self._stream.trouble or self._snapshot_trouble or self._writing_trouble
        )
        if not trouble and not self._is_loaded:
            trouble = "the histories are being loaded"
        if not trouble and self._missed:
            partitions = ", ".join(map(str, sorted(self._missed)))
            trouble = f"the next snapshot has ratings that partition {partitions} lacks"
        return HistoriesStatus(
            is_loaded=self._is_loaded,
            trouble=trouble,
            lag_seconds=self._monotonic() - self._current_at,
            events_behind=self._stream.events_behind if self._is_loaded else None,
            ratings=len(self._copy.ratings),
            users=len(self._copy.ratings.user_id),
            live_ratings=len(self._overlay),
            passed_over=self._passed_over,
            size=self._copy.ratings.size,
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except UnavailableError as error:
                self._fail(str(error), _RETRY_SECONDS)
            except TvrecError as error:
                self._fail(str(error), _LONG_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - following must outlive any surprise
                self._fail(f"following the ratings failed: {error!r}", _LONG_RETRY_SECONDS, error)

    def _fail(self, trouble: str, seconds: float, surprise: Exception | None = None) -> None:
        """Say a trouble when it begins, and wait."""
        if trouble != self._trouble:
            log.warning(
                "%s; the service answers from the ratings it has", trouble, exc_info=surprise
            )
            self._trouble = trouble
        # What a failed read had in hand is read again.
        self._stream.go_on_from(self._watermarks)
        self._stop.wait(seconds)

    def turn(self) -> None:
        """Do one round: take up a newer copy, see to the next one, read the stream.

        Raises
        ------
        TvrecError
            If something is away; what is known stays, and the next round goes on.
        """
        self._see_who_is_forgotten()
        self._take_up_newer()
        if not self._is_loaded:
            self._begin()
        if self._is_loaded:
            self._see_to_copy()
        if not self._is_loaded:
            self._stop.wait(_RETRY_SECONDS)  # another worker writes the first copy
            return
        if len(self._overlay) >= 2 * self._limits.live_ratings:
            self._stop.wait(_RETRY_SECONDS)
            return
        for arrived in self._stream.read(self._limits.poll_seconds):
            self._take(arrived)
        if self._stream.is_current:
            self._current_at = self._monotonic()
        self._trouble = ""

    def _take(self, arrived: Arrived) -> None:
        partition, mark = arrived.partition, arrived.watermark
        # All but one update of a dictionary is done before the lock is taken.
        prepared = self._overlay.prepared(self._overlay.winners(arrived.ratings))
        with self._lock:
            self._overlay.commit(prepared)
            self._offsets[partition] = mark.next_offset
            self._ahead.passed(partition, mark.next_offset)
        self._watermarks[partition] = mark
        self._passed_over += arrived.passed_over
        if arrived.is_missed:
            self._missed[partition] = mark

    def _see_who_is_forgotten(self) -> None:
        """Stop counting the ratings of forgotten users."""
        now = self._monotonic()
        if now < self._forgotten_at:
            return
        self._forgotten_at = now + _FORGOTTEN_SECONDS
        try:
            etag = self._store.etag(FORGOTTEN)
            if etag == self._forgotten_etag:
                return
            self._forgotten = read_forgotten(self._store)
        except TvrecError as error:
            # Only the store is away; the stream may not be.
            self._snapshot_trouble = str(error)
            return
        self._forgotten_etag = etag
        overlay = self._overlay.over(self._copy.ratings, self._forgotten)
        with self._lock:
            self._overlay = overlay
            self._ahead.forget(self._forgotten)

    def _take_up_newer(self) -> None:
        """Answer from another worker's copy, or from our own new one."""
        name = self._copies.current_name()
        if name in {"", self._copy.name, self._unusable}:
            return
        copy = self._copies.current()
        if copy is None or (self._is_loaded and not covers(copy.watermarks, self._copy.watermarks)):
            self._unusable = name
        elif copy.name != self._copy.name:
            self._adopt(copy)

    def _adopt(self, copy: Copy) -> None:
        """Answer from a copy, and from the ratings in memory that it does not have."""
        overlay = self._overlay.over(copy.ratings, self._forgotten)
        behind = ahead_of(copy.watermarks, self._watermarks)
        self._watermarks |= behind
        self._missed = {**not_covered(self._missed, copy.watermarks), **copy.missed}
        with self._lock:
            self._copy, self._overlay = copy, overlay
            for partition, mark in behind.items():
                self._offsets[partition] = mark.next_offset
                self._ahead.passed(partition, mark.next_offset)
        if behind or not self._is_loaded:
            self._stream.go_on_from(self._watermarks)
        self._is_loaded = True
        log.info(
            "histories of %d users from snapshot %d, %d ratings; %d more in memory",
            len(copy.ratings.user_id),
            copy.generation,
            len(copy.ratings),
            len(overlay),
        )

    def _begin(self) -> None:
        """Write the first copy from the snapshot, or begin with nothing if there is none."""
        if read_manifest(self._store).manifest is None:
            self._adopt(Copy(RatingsByUser.empty()))
            return
        plan = Plan(
            copy=self._copy,
            live=self._overlay.ratings(),
            watermarks={},
            missed={},
            from_snapshot=True,
            keep_copy=False,
            replaced=self._unusable,
        )
        if write_copy(plan, self._store, self._copies):
            self._take_up_newer()

    def _see_to_copy(self) -> None:
        """Have a new copy written if one is due."""
        if self._writer is not None and self._writer.is_alive():
            return
        now = self._monotonic()
        if now < self._rest_until:
            return
        is_full = len(self._overlay) >= self._limits.live_ratings
        manifest = self._manifest(now) if self._missed or not self._is_checked else None
        if manifest is not None and self._is_from_elsewhere(manifest):
            log.warning(
                "the snapshot in %s is older than the copy on this machine; "
                "the histories begin with it anew",
                self._store.uri,
            )
            self._forget()
            return
        from_snapshot = manifest is not None and self._needs(manifest)
        if not (is_full or from_snapshot or self._overlay.hides):
            return
        is_covered = manifest is not None and covers(manifest.watermarks, self._copy.watermarks)
        plan = Plan(
            copy=self._copy,
            live=self._overlay.ratings(),
            watermarks=dict(self._watermarks),
            missed=dict(self._missed),
            from_snapshot=from_snapshot,
            keep_copy=not (from_snapshot and is_covered),
            replaced=self._unusable,
        )
        self._writer = threading.Thread(
            target=self._write_aside, args=(plan,), name="histories-copy", daemon=True
        )
        self._writer.start()

    def _manifest(self, now: float) -> Manifest | None:
        """Return the manifest, now and then; None if it is not time, or there is none."""
        if now < self._manifest_at:
            return None
        self._manifest_at = now + _MANIFEST_SECONDS
        try:
            manifest = read_manifest(self._store).manifest
        except TvrecError as error:
            # Only the snapshot is away; the stream may not be.
            self._snapshot_trouble = str(error)
            return None
        self._snapshot_trouble = ""
        return manifest

    def _is_from_elsewhere(self, manifest: Manifest) -> bool:
        return not self._is_checked and manifest.generation < self._copy.generation

    def _needs(self, manifest: Manifest) -> bool:
        """Tell whether the snapshot has what the stream lacked, or very much of it."""
        is_first_look, self._is_checked = not self._is_checked, True
        waiting = sum(
            max(0, mark.next_offset - self._offsets.get(partition, 0))
            for partition, mark in manifest.watermarks.items()
        )
        is_far_behind = is_first_look and waiting > self._limits.live_ratings
        return is_far_behind or (bool(self._missed) and covers(manifest.watermarks, self._missed))

    def _forget(self) -> None:
        with self._lock:
            self._copy = Copy(RatingsByUser.empty())
            self._overlay = Overlay(self._copy.ratings, self._forgotten)
            self._offsets = {}
        self._watermarks, self._missed = {}, {}
        self._is_loaded = False
        self._is_checked = True
        self._copies.forget()

    def _write_aside(self, plan: Plan) -> None:
        began = self._monotonic()
        rest = _LONG_RETRY_SECONDS
        try:
            if write_copy(plan, self._store, self._copies):
                # A full memory does not wait: what filled it is in the copy now.
                took = self._monotonic() - began
                rest = _REST_FACTOR * took if plan.from_snapshot else 0
            self._writing_trouble = ""
        except Exception as error:
            is_ours = isinstance(error, TvrecError)
            self._writing_trouble = f"no new copy of the histories: {error}"
            log.warning("%s", self._writing_trouble, exc_info=None if is_ours else error)
        self._rest_until = self._monotonic() + rest
