"""Trials of a challenger, interleaved or in the shadow, and the log of what was shown."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from mlproject.core.errors import RequestError
from mlproject.core.exposures import Exposure, ExposureLog
from mlproject.core.hashing import is_within
from mlproject.core.user_histories import History
from mlproject.serving.interleaved import interleaved
from mlproject.serving.interleaving import is_interleaved
from mlproject.serving.recommender import Answer, Recommender, Wish
from mlproject.serving.shadow import Shadow, Shown

_SAMPLE: Final = 0x6578


class ChallengerWatched(Protocol):
    """What holds the version under the alias ``challenger``."""

    @property
    def current(self) -> Recommender | None:
        """The challenger; None if there is none."""
        ...

    def start(self) -> None:
        """Begin to watch."""
        ...

    def stop(self) -> None:
        """Watch no more."""
        ...


@dataclass(frozen=True, slots=True)
class Shares:
    """For how many of the users, from 0 to 1.

    Parameters
    ----------
    interleave
        Production and challenger take turns.
    shadow
        The challenger answers too, unseen.
    expose
        It is noted what they were shown. Where two take turns it always is.
    """

    interleave: float = 0.0
    shadow: float = 0.0
    expose: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What is done with an answer for a known user besides sending it.

    Parameters
    ----------
    shares
        For how many.
    challenger, shadow, exposures
        The parts.
    """

    shares: Shares
    challenger: ChallengerWatched
    shadow: Shadow
    exposures: ExposureLog

    def start(self) -> None:
        """Start the parts; those of which no share is taken stay asleep."""
        self.exposures.start()
        if self.shares.interleave or self.shares.shadow:
            self.challenger.start()
            self.shadow.start()

    def stop(self) -> None:
        """Stop the parts, and write the exposures that wait."""
        self.challenger.stop()
        self.shadow.stop()
        self.exposures.close()

    def answer(self, production: Recommender, user_id: int, history: History, wish: Wish) -> Answer:
        """Answer a user.

        Raises
        ------
        RequestError
            As :meth:`~mlproject.serving.recommender.Recommender.answer`.
        """
        position = history.position.record()
        challenger = self._beside(production)
        answer = None
        if challenger is not None and is_interleaved(user_id, self.shares.interleave):
            versions = production, challenger
            # Production may have the genre that the challenger has not.
            with suppress(RequestError):
                answer = interleaved(versions, user_id, history.ratings, wish, position)
        if answer is None:
            answer = production.answer(user_id, history.ratings, wish, position)
            if challenger is not None and is_within(user_id, self.shares.shadow, _SAMPLE):
                shows = frozenset(production.shows(answer.rows))
                self.shadow.offer(Shown(challenger, history.ratings, wish, shows))
        if answer.teams or is_within(user_id, self.shares.expose, _SAMPLE):
            self.exposures.append(
                Exposure(
                    user_id=user_id,
                    shown_at=time.time_ns() // 1_000_000,
                    version=production.version,
                    shows=production.shows(answer.rows),
                    challenger=challenger.version if challenger and answer.teams else 0,
                    teams=answer.teams,
                    position=position,
                )
            )
        return answer

    def _beside(self, production: Recommender) -> Recommender | None:
        """Return the challenger, unless it has become production meanwhile."""
        challenger = self.challenger.current
        is_other = challenger is not None and challenger.version != production.version
        return challenger if is_other else None
