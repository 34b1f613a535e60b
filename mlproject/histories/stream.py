"""The stream that histories follow: ratings as they arrive, from a position on."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mlproject.batches.arrived import Arrived
from mlproject.batches.progress import Watermark


class RatingStream(Protocol):
    """Ratings of all partitions, those of one in order; a repeat does no harm.

    One thread calls it. It connects at the first :meth:`read`.
    """

    def go_on_from(self, watermarks: Mapping[int, Watermark]) -> None:
        """Read from these positions next; a partition that has none, from its beginning."""
        ...

    def read(self, wait_seconds: float) -> Sequence[Arrived]:
        """Return what has arrived, or nothing after a while.

        Raises
        ------
        UnavailableError
            If the stream is away; nothing is lost, the next call goes on.
        """
        ...

    @property
    def is_current(self) -> bool:
        """Whether the last :meth:`read` reached the end of every partition."""
        ...

    @property
    def events_behind(self) -> int | None:
        """Number of events known to wait; None if unknown."""
        ...

    @property
    def trouble(self) -> str:
        """A problem that does not stop reading; empty: none."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...
