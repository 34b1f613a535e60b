"""The port for single ratings, in a module of its own since it needs no data frames."""

from concurrent.futures import Future
from typing import Protocol

from mlproject.core.events import Place, RatingEvent


class RatingLog(Protocol):
    """Where single ratings are made durable, many at the same time.

    Nothing happens before :meth:`start`.
    """

    @property
    def trouble(self) -> str | None:
        """Why no rating can be taken now, for a readiness check; None if ratings are taken.

        It passes by itself once its cause does: nobody has to send a rating to find out.
        """
        ...

    def start(self) -> None:
        """Get ready to take events; doing it again does nothing, and ``append`` does it too."""
        ...

    def append(self, event: RatingEvent) -> "Future[Place]":
        """Take an event over without waiting, or raise UnavailableError.

        The future has the event's place once it is durable, or an UnavailableError if that
        is not known: it may still arrive then. One that is cancelled before its event is
        under way takes the event back.
        """
        ...

    def close(self) -> None:
        """Make durable what was taken over, within seconds, and take no more."""
        ...
