"""Ratings as numbers, with a decimal point or a decimal comma."""

import math
import re
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

NOTHING: Final = frozenset({"", "nan", "null", "none", "na", "n/a", r"\n", "<na>", "-"})
"""How programs write, in any case, that there is no value."""

_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_COMMA: Final = re.compile(r"([+-]?\d+),(\d+)", re.ASCII)


def encoded(texts: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Return the different texts, and for each row which of them it is; -1 for nothing.

    Ratings differ little, and what is odd about a text is to be found out once.
    """
    found = pc.dictionary_encode(texts)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    places = found.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return found.dictionary.to_pylist(), places.astype(np.int64)


def read_numbers(
    texts: Any, meaning: dict[str, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read a column of finite numbers.

    Parameters
    ----------
    texts
        Arrow texts, ``n`` of them.
    meaning
        Numbers of texts that are none, in lower case.

    Returns
    -------
    tuple
        The numbers, float64, shape ``(n,)``, NaN for what is none; and where there is
        nothing at all, bool, shape ``(n,)``.

    Examples
    --------
    >>> numbers, missing = read_numbers(pa.array(["2,5", "7", "x", None]))
    >>> numbers.tolist(), missing.tolist()
    ([2.5, 7.0, nan, nan], [False, False, False, True])
    """
    different, places = encoded(texts)
    said = meaning or {}
    numbers = [said[low] if (low := text.lower()) in said else _number(text) for text in different]
    nothing = [text.lower() in NOTHING for text in different]
    # The last place is that of rows without a text.
    values = np.array([*numbers, np.nan], dtype=np.float64)[places]
    return values, np.array([*nothing, True], dtype=np.bool_)[places]


def _number(text: str) -> float:
    if found := _COMMA.fullmatch(text):
        text = f"{found[1]}.{found[2]}"
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    return number if math.isfinite(number) else math.nan
