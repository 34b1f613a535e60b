"""What the next fit continues from, and which ratings must not measure it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.hashing import mix64
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.models.factors import Factors

Mask = NDArray[np.bool_]
Pairs = NDArray[np.uint64]

BEHIND: Final = 0.95
"""Of its first lead, what a chain of fits may lose."""

_SEED: Final = 0x7761_726D


@dataclass(frozen=True)
class Start:
    """Vectors of shows to continue from, and the ratings they have learned from.

    Vectors of users are not kept: the map gives those of today's histories.

    Parameters
    ----------
    shows
        Id map of the rows of ``model`` and ``took_part``.
    model
        Without what is popular now.
    took_part
        Which shows have vectors of their own, bool, shape ``(shows,)``.
    learned
        Hashes of the pairs of user and show on whose ratings this fit, or one that it went
        on from, has trained; ascending, each once.
    epochs, popular_share, lead
        What the last fit from nothing has found, and its precision on its slice over that
        of what was popular.
    fits
        How many have gone on from one another since.
    lead_now
        The lead of the last of them that a slice has measured.
    """

    shows: IdMap
    model: Factors
    took_part: Mask
    learned: Pairs
    epochs: int
    popular_share: float
    lead: float
    fits: int = 0
    lead_now: float = np.inf

    @property
    def falls_behind(self) -> bool:
        """Whether warm fits have lost too much of the lead that the fit from scratch had."""
        return self.lead_now < BEHIND * self.lead

    def after(self, before: "Start | None") -> "Start":
        """Return it as what a fit has left that went on from another start."""
        if before is None:
            return self
        return replace(
            self,
            epochs=before.epochs,
            lead=before.lead,
            fits=before.fits + 1,
            lead_now=self.lead,
        )

    def has_learned(self, data: Interactions) -> Mask:
        """Tell which ratings are of pairs that it has learned from, bool, shape ``(n,)``.

        So is what was rated anew since. Of two pairs of one hash, which are one in billions,
        both count as learned.
        """
        return np.isin(_pairs(data), self.learned)


def learned_by(split: Split, before: Start | None = None) -> Pairs:
    """Return the hashes of what a fit on the training part, begun from ``before``, has learned."""
    pairs = _pairs(split.interactions)[~split.held_out]
    return np.unique(pairs) if before is None else np.union1d(pairs, before.learned)


def _pairs(data: Interactions) -> Pairs:
    users = mix64(data.users.ids, _SEED)[data.user_rows].astype(np.int64)
    return mix64(users ^ data.shows.ids[data.show_rows], _SEED + 1)
