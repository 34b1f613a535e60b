"""Shadow mode: the challenger ranks too, unseen, to measure its agreement and its speed."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mlproject.core.user_ratings import UserRatings
from mlproject.serving.recommender import Recommender, Wish

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer of production, for which the challenger ranks too."""

    challenger: Recommender
    rated: UserRatings
    wish: Wish
    shows: frozenset[int]


class Shadow:
    """Asks the challenger in a thread of its own; while it is busy, answers are skipped.

    Parameters
    ----------
    observe
        Called with the share of production's shows that the challenger has too, and the
        seconds that it took.
    """

    def __init__(self, observe: Callable[[float, float], object]) -> None:
        self._observe = observe
        self._waiting: queue.Queue[Shown | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(timeout=5)

    def offer(self, shown: Shown) -> None:
        """Take an answer over, unless too many wait."""
        if not self._waiting.full():
            self._waiting.put_nowait(shown)

    def _run(self) -> None:
        while (shown := self._waiting.get()) is not None:
            try:
                self._observe(*answered(shown))
            except Exception:  # production must not depend on it
                log.exception("the challenger, version %d, failed", shown.challenger.version)


def answered(shown: Shown) -> tuple[float, float]:
    """Return the share of the shows that the challenger has too, and the seconds it took."""
    model = shown.challenger.model
    began = time.perf_counter()
    rows, _ = shown.challenger.ranked(model.history(shown.rated), shown.wish)
    seconds = time.perf_counter() - began
    common = shown.shows.intersection(model.shows.ids[rows].tolist())
    return len(common) / max(1, len(shown.shows)), seconds
