"""Event ids as 128-bit numbers: compared and stored without a string a rating."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LENGTH: Final = 36
_HYPHENS: Final = np.array([8, 13, 18, 23])
_DIGITS: Final = np.delete(np.arange(_LENGTH), _HYPHENS)
_NO_DIGIT: Final = 255
_VALUES: Final = np.full(256, _NO_DIGIT, dtype=np.uint8)
_VALUES[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)
_VALUES[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = np.arange(10, 16)


def event_keys(ids: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Turn event ids into numbers, the same on every machine.

    A UUID is its own 128-bit value; any other text is its BLAKE2b hash of 128 bits. Both
    order events totally; among UUIDs of version 7 the order is that of their time.

    Parameters
    ----------
    ids
        ``n`` texts.

    Returns
    -------
    tuple of numpy.ndarray
        The higher and the lower 64 bits, uint64, shape ``(n,)`` each.

    Examples
    --------
    >>> event_keys(["00000000-0000-0001-0000-000000000002"])
    (array([1], dtype=uint64), array([2], dtype=uint64))
    """
    found = _all_uuids(ids)
    if found is None:
        found = np.frombuffer(b"".join(_one(text) for text in ids), dtype=">u8").reshape(-1, 2)
    return found[:, 0].astype(np.uint64), found[:, 1].astype(np.uint64)


def _all_uuids(ids: Sequence[str]) -> NDArray[np.uint64] | None:
    """Read UUIDs by array operations; None if one of the texts is none."""
    joined = "".join(ids)
    if len(joined) != _LENGTH * len(ids) or not joined.isascii():
        return None
    letters = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(-1, _LENGTH)
    if (letters[:, _HYPHENS] != ord("-")).any():
        return None
    digits = _VALUES[letters[:, _DIGITS]]
    if (digits == _NO_DIGIT).any():
        return None
    packed = np.ascontiguousarray(digits[:, ::2] << 4 | digits[:, 1::2])
    return packed.view(">u8")


def _one(text: str) -> bytes:
    alone = _all_uuids([text])
    if alone is not None:
        return alone.tobytes()
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
