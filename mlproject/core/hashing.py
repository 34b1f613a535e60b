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


def mixed(value: int, seed: int) -> int:
    """Return :func:`mix64` of one value, in a tenth of the time.

    Examples
    --------
    >>> mixed(7, 1) == int(mix64(np.array([7]), 1)[0])
    True
    """
    return _finalised((value * _GOLDEN + _finalised((seed + 1) * _GOLDEN)) & _MASK)


def is_within(value: int, share: float, seed: int) -> bool:
    """Tell whether a value is among a share of all values; the same at every call.

    Parameters
    ----------
    value
        At least 0.
    share
        0 = none, 1 = all.
    seed
        Another seed chooses others.

    Examples
    --------
    >>> sum(is_within(value, 0.25, seed=1) for value in range(1000))
    237
    """
    return share > 0 and (share >= 1 or mixed(value, seed) < share * 2**64)


def _offset(seed: int) -> np.uint64:
    """Mix the seed itself: added as it is, the next seed would give the next value's hash.

    In plain integers, since numpy warns of a scalar's overflow.
    """
    return np.uint64(_finalised((seed + 1) * _GOLDEN))


def _finalised(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return value ^ (value >> 31)


def pair_uniform(
    first: NDArray[np.int64], second: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each pair, a function of the pair and the seed alone.

    Parameters
    ----------
    first, second
        int64, of shapes that broadcast.
    seed
        Another seed gives unrelated numbers.

    Returns
    -------
    numpy.ndarray
        float64, of the common shape.

    Examples
    --------
    >>> u = pair_uniform(np.arange(1000), np.arange(1000), seed=7)
    >>> bool(0.45 < u.mean() < 0.55)
    True
    """
    inner = mix64(first, seed).astype(np.int64)
    return (mix64(inner ^ second, seed + 1) >> np.uint64(11)).astype(np.float64) / 2.0**53
