"""Stable hashes: the same number on every machine, in every process, in every year."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


def mix64(values: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """Return a well-mixed 64-bit hash of each value.

    Parameters
    ----------
    values
        Integers of any shape.
    seed
        Another seed gives an unrelated hash.

    Returns
    -------
    numpy.ndarray
        uint64, of the shape of ``values``.

    Notes
    -----
    The finaliser of SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom
    Number Generators", OOPSLA 2014.

    Examples
    --------
    >>> bool(mix64(np.array([1]), 0)[0] == mix64(np.array([1]), 1)[0])
    False
    """
    mixed = np.atleast_1d(values).astype(np.uint64) * np.uint64(_GOLDEN) + _offset(seed)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return (mixed ^ (mixed >> np.uint64(31))).reshape(np.shape(values))


def _offset(seed: int) -> np.uint64:
    """Mix the seed itself: added as it is, the next seed would give the next value's hash.

    In plain integers, since numpy warns of a scalar's overflow.
    """
    mixed = ((seed + 1) * _GOLDEN) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return np.uint64(mixed ^ (mixed >> 31))


def pair_uniform(
    first: NDArray[np.int64], second: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each pair, a function of the pair and the seed alone.

    Examples
    --------
    >>> u = pair_uniform(np.arange(1000), np.arange(1000), seed=7)
    >>> bool(0.45 < u.mean() < 0.55)
    True
    """
    inner = mix64(first, seed).astype(np.int64)
    return (mix64(inner ^ second, seed + 1) >> np.uint64(11)).astype(np.float64) / 2.0**53
