"""Event ids as 128-bit numbers: no rating needs a string."""

import hashlib
from binascii import unhexlify
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WIDTH: Final = len("00000000-0000-0000-0000-000000000000\n")
_MARKS: Final = np.array([8, 13, 18, 23, 36])
_MARK: Final = np.frombuffer(b"----\n", dtype=np.uint8)
_DIGITS: Final = np.delete(np.arange(_WIDTH), _MARKS)


def event_keys(ids: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Turn event ids into numbers, the same on every machine.

    A UUID is its own value; any other text is its BLAKE2b hash of 128 bits. Both
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
        found = np.frombuffer(b"".join(map(event_key, ids)), dtype=">u8").reshape(-1, 2)
    return found[:, 0].astype(np.uint64), found[:, 1].astype(np.uint64)


def _all_uuids(ids: Sequence[str]) -> NDArray[np.uint64] | None:
    """Read UUIDs by array operations; None if one of the texts is not a UUID."""
    # Each with an end of its own, so that two odd lengths cannot make up for each other.
    joined = "\n".join((*ids, ""))
    if len(joined) != _WIDTH * len(ids) or not joined.isascii():
        return None
    letters = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(-1, _WIDTH)
    if (letters[:, _MARKS] != _MARK).any():
        return None
    try:
        return np.frombuffer(unhexlify(letters[:, _DIGITS].tobytes()), dtype=">u8").reshape(-1, 2)
    except ValueError:
        return None


def event_key(text: str) -> bytes:
    """Turn one event id into the 16 bytes of its number, the highest first.

    Examples
    --------
    >>> event_key("00000000-0000-0001-0000-000000000002").hex()
    '00000000000000010000000000000002'
    """
    if len(text) == _WIDTH - 1 and text[8] == text[13] == text[18] == text[23] == "-":
        with suppress(ValueError):
            return unhexlify(f"{text[:8]}{text[9:13]}{text[14:18]}{text[19:23]}{text[24:]}")
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
