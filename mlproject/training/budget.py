"""The time budget of a fit on a machine that does other work too."""

import time
from dataclasses import dataclass, field, replace
from typing import Final, Self

CROWDED: Final = 4.0
"""So many times its seconds a fit may take on the clock, however little of a processor it gets."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds from now on, counted as an idle machine would need them.

    What a fit learns should not depend on who else works on the machine. So CPU seconds are
    counted, divided by the threads; beside other work the same epochs take longer on the clock.
    Wall-clock time is bounded too, since a cycle has to end.

    Parameters
    ----------
    seconds
        How many may be spent.
    threads
        How many share the work.
    clock_began, processor_began
        When the count began: by ``time.monotonic``, and by ``time.process_time``, which
        counts the work of all threads.
    """

    seconds: float
    threads: int = 1
    clock_began: float = field(default_factory=time.monotonic)
    processor_began: float = field(default_factory=time.process_time)

    def spent(self) -> float:
        """Return the seconds of work, or those on the clock over :data:`CROWDED` if more."""
        worked = (time.process_time() - self.processor_began) / self.threads
        return max(worked, (time.monotonic() - self.clock_began) / CROWDED)

    def part(self, share: float) -> Self:
        """Return a share of it, counted from the same beginning."""
        return replace(self, seconds=share * self.seconds)
