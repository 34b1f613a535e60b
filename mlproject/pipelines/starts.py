"""Where the fits of a builder start: from scratch, or from the last fit."""

from dataclasses import dataclass, field, replace
from typing import Final

from mlproject.core.interactions import Split
from mlproject.training.start import Start
from mlproject.training.trainer import Fitted, GoingOn, Trainer

MOST_LEARNED: Final = 0.05
"""Of what is held out, a start may have learned so much. All of it trains then."""
MOST_NEW: Final = 0.3
"""Of what trains, so much may be new to a start: as much as a slice holds back, and a little."""


@dataclass(frozen=True, slots=True)
class Begun:
    """How a fit begins.

    Parameters
    ----------
    split
        What trains and what measures, honest for a fit that begins so.
    how
        ``warm`` or ``cold``, "" for trainers that know no other way; and ``why``.
    start, parent
        What to go on from, and the run that has left it.
    """

    split: Split
    how: str = ""
    why: str = ""
    start: Start | None = None
    parent: str = ""

    def tags(self) -> dict[str, str]:
        """Return the tags of the run."""
        if not self.how:
            return {}
        return {"start": f"{self.how}: {self.why}", "start_run": self.parent}


@dataclass(slots=True)
class Starts:
    """What each trainer's last fit has left, in the memory of this process.

    A start has learned ratings, and these must not measure any fit that continues from it,
    directly or indirectly. Hashes of their pairs of user and show identify them. The hashes are
    personal data, so they are kept here and in no version; a restarted builder fits from scratch
    once.

    Parameters
    ----------
    cold_every
        Every so many fits of a trainer, one is from nothing; 1 = each.
    """

    cold_every: int
    _left: dict[str, tuple[str, Trainer, Start]] = field(default_factory=dict, repr=False)

    def begin(self, trainer: Trainer, split: Split) -> Begun:
        """Say how to begin: if warm, with what the start has learned in the training part."""
        if not isinstance(trainer, GoingOn):
            return Begun(split)
        if trainer.name not in self._left:
            return Begun(split, "cold", "there is no earlier fit to go on from")
        parent, before, start = self._left[trainer.name]
        known = start.has_learned(split.interactions)
        learned, new = split.held_out & known, ~split.held_out & ~known
        share = int(learned.sum()) / max(1, int(split.held_out.sum()))
        against = {
            "the settings are others": trainer != before,
            f"one of {self.cold_every} is": start.fits + 1 >= self.cold_every,
            "the last warm fit fell behind on its slice": start.falls_behind,
            f"the last fit has learned {share:.0%} of the holdout": share > MOST_LEARNED,
            "much is new": new.mean() > MOST_NEW * (~split.held_out).mean(),
        }
        for why, so in against.items():
            if so:
                return Begun(split, "cold", why)
        honest = replace(split, held_out=split.held_out & ~learned)
        return Begun(honest, "warm", f"from the run {parent[:8]}", start, parent)

    def leave(self, trainer: Trainer, run_id: str, fitted: Fitted) -> None:
        """Keep what a fit has left for the next one; nothing if it has left nothing."""
        if fitted.leaves is None:
            self._left.pop(trainer.name, None)
        else:
            self._left[trainer.name] = run_id, trainer, fitted.leaves
