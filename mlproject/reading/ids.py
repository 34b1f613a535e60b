"""Ids: exact, or refused.

An id is a whole number from 0 to 2**63 - 1, read from its text. IMDb's ``tt0111161`` is
its number, as IMDb itself counts; a program that made floats or a spreadsheet that
shortened numbers has lost ids for good, so such rows are no ratings.
"""

import re
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

from mlproject.core.event_fields import SHORTENED
from mlproject.core.numbers import INEXACT_FROM, INT64_MAX
from mlproject.reading.numbers import NOTHING, encoded

PREFIXES: Final = {"show": ("tt", "s"), "user": ("ur",)}
"""What may stand before the digits of all ids of a column: IMDb's and Netflix's marks."""

EMPTY: Final = "there is no {}"
TOO_LARGE: Final = f"{{}} is larger than {INT64_MAX}"
NEGATIVE: Final = "{} is below 0"
FRACTION: Final = "{} is not a whole number"
NO_NUMBER: Final = (
    "{} is not a number; give each name or UUID a whole number first (docs/reading-files.md)"
)

_WHOLE: Final = re.compile(r"\+?(\d+)(\.0*)?", re.ASCII)
_FORMS: Final = {
    re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+"): SHORTENED,
    re.compile(r"-\d+(\.0*)?"): NEGATIVE,
    re.compile(r"[+-]?\d*[.,]\d+"): FRACTION,
}


def read_ids(
    texts: Any, name: str, prefixes: tuple[str, ...] = ()
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Read a column of ids.

    Parameters
    ----------
    texts
        Arrow texts, ``n`` of them.
    name
        The column's name, for the reasons.
    prefixes
        What all the ids may begin with, before their digits.

    Returns
    -------
    tuple
        The ids, int64, shape ``(n,)``, -1 where there is none; and why there is none,
        empty where there is one.

    Examples
    --------
    >>> ids, reasons = read_ids(pa.array(["7", "76561197970982479", "7.6E+16", None]), "user_id")
    >>> ids.tolist()
    [7, 76561197970982479, -1, -1]
    """
    reasons = np.full(len(texts), "", dtype=object)
    if len(texts) and (prefix := _prefix(texts, prefixes)):
        texts = pc.utf8_slice_codeunits(texts, len(prefix))
    if (plain := _plain(texts)) is not None:
        return plain, reasons
    different, places = encoded(texts)
    found = [_one(text) for text in different]
    known = np.array([number for number, _ in found] + [-1], dtype=np.int64)
    why = np.array([reason.format(name) for _, reason in found] + [EMPTY.format(name)], object)
    return known[places], why[places]


def _plain(texts: Any) -> NDArray[np.int64] | None:
    """Read a column of digits at once; None if it has anything else."""
    if texts.null_count:
        return None
    try:
        numbers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    # Arrow reads "0x10" too.
    if pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():
        return None
    values: NDArray[np.int64] = numbers.to_numpy()
    return values if not len(values) or values.min() >= 0 else None


def _prefix(texts: Any, prefixes: tuple[str, ...]) -> str:
    """Return the one prefix that all ids have, apart from missing ones."""
    first = next((text for text in texts[:100].to_pylist() if text), "")
    for prefix in prefixes:
        if first.startswith(prefix):
            pattern = f"^{prefix}[0-9]+$"
            good = pc.all(pc.match_substring_regex(texts, pattern), skip_nulls=True).as_py()
            return prefix if good and _one_to_one(texts, prefix) else ""
    return ""


def _one_to_one(texts: Any, prefix: str) -> bool:
    """Tell whether no two ids are one number: ``s1`` and ``s01`` are."""
    different = pc.unique(texts).drop_null().to_pylist()
    return len({int(text.removeprefix(prefix)) for text in different}) == len(different)


def _one(text: str) -> tuple[int, str]:
    if text.lower() in NOTHING:
        return -1, EMPTY
    if found := _WHOLE.fullmatch(text):
        number = int(found[1][:40])
        if number > INT64_MAX:
            return -1, TOO_LARGE
        return (-1, SHORTENED) if found[2] and number >= INEXACT_FROM else (number, "")
    return -1, next((why for form, why in _FORMS.items() if form.fullmatch(text)), NO_NUMBER)
