"""A digest of a set of ratings that is kept up to date at the cost of what changes."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.hashing import mix64
from mlproject.core.rating_columns import RatingColumns

_SEEDS: Final = (0x7476, 0x7265)
_MODULUS: Final = 2**64
# Rows hashed at once: small enough that the arrays stay in the processor's cache.
_BLOCK: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class RatingsDigest:
    """The sum of a 128-bit hash of every row.

    Since a sum knows no order, rows may be added and taken away in any order. It shows
    damage and difference; it is no defence against someone who forges rows.

    Parameters
    ----------
    first, second
        Sums modulo 2**64 of two unrelated 64-bit hashes.

    Examples
    --------
    >>> RatingsDigest().text
    '00000000000000000000000000000000'
    """

    first: int = 0
    second: int = 0

    @classmethod
    def of(cls, ratings: RatingColumns) -> Self:
        """Hash rows, in O(n)."""
        return cls(*(_sum_of_hashes(ratings, seed) for seed in _SEEDS))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what :attr:`text` gives.

        Examples
        --------
        >>> RatingsDigest.read(RatingsDigest(1, 2).text)
        RatingsDigest(first=1, second=2)
        """
        return cls(int(text[:16], 16), int(text[16:], 16))

    @property
    def text(self) -> str:
        """32 hexadecimal digits."""
        return f"{self.first:016x}{self.second:016x}"

    def changed(self, gone: "RatingsDigest", come: "RatingsDigest") -> "RatingsDigest":
        """Return the digest without the rows of ``gone`` and with those of ``come``."""
        return RatingsDigest(
            (self.first - gone.first + come.first) % _MODULUS,
            (self.second - gone.second + come.second) % _MODULUS,
        )


def _sum_of_hashes(ratings: RatingColumns, seed: int) -> int:
    total = 0
    for start in range(0, len(ratings), _BLOCK):
        block = slice(start, start + _BLOCK)
        row = np.zeros(len(ratings.user_id[block]), dtype=np.uint64)
        for column in ratings.arrays:
            values: NDArray[np.uint64] = column[block].astype(np.int64, copy=False).view(np.uint64)
            row = mix64((row ^ values).view(np.int64), seed)
        total += int(row.sum(dtype=np.uint64))
    return total % _MODULUS
