"""What becomes of rows that are refused: they are counted, quoted and kept, or too many."""

from collections import Counter
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.errors import DataError
from mlproject.reading.tables import Table

MOST_REJECTED: Final = 0.1
"""Of a file of which more than this share is rejected, nothing is used; a setting."""
ALWAYS: Final = 0.5
"""No setting lets more than this share pass."""
SOME: Final = 10
"""Up to so many rejected rows, a smaller share is borne with, too."""
_MOST_REASONS: Final = 3


def summary(table: Table, reasons: NDArray[np.object_]) -> str:
    """Name the most frequent reasons, with how often each occurs and where first."""
    counts = Counter(reasons[reasons != ""].tolist()).most_common(_MOST_REASONS)
    first = {why: int(np.flatnonzero(reasons == why)[0]) for why, _ in counts}
    quoted = table.lines(list(first.values()))
    said = [(count, why, quoted.get(first[why], "")) for why, count in counts]
    said += [(count, why, table.torn_line()) for why, count in table.torn.most_common(1)]
    said.sort(key=lambda one: -one[0])
    return "; ".join(
        f"{count:,} times {why}" + (f" ({where})" if where else "")
        for count, why, where in said[:_MOST_REASONS]
    )


def account(table: Table, reasons: NDArray[np.object_]) -> str:
    """Say how many rows are left out and why, to end a sentence; nothing if none is."""
    count = _rejected(table, reasons)
    return f"; rows left out: {count:,}: {summary(table, reasons)}" if count else ""


def with_torn(rejected: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return rejected rows, and after them those of too many or too few fields."""
    torn = pd.DataFrame({c.REASON: list(table.torn.elements())}, dtype="object")
    return pd.concat([rejected, torn], ignore_index=True) if len(torn) else rejected


def refuse_if_most_fail(
    table: Table, reasons: NDArray[np.object_], *, most: float, what: str, error: type[DataError]
) -> None:
    """Refuse a table of which too much is rejected.

    Parameters
    ----------
    table, reasons
        The table, and why each row is rejected, empty where it is not, shape ``(n,)``.
    most
        The share that may be rejected; it is not looked at below :data:`SOME` rows.
    what
        What the rows should be: ``ratings``.
    error
        What to raise.

    Raises
    ------
    DataError
        Of the given kind, with the most frequent reasons and a line of each.
    """
    rejected, rows = _rejected(table, reasons), len(table) + table.torn.total()
    if not rejected:
        return
    share = rejected / rows
    if share > ALWAYS or rejected == rows:
        rule = "more than half"
    elif share > most and rejected > SOME:
        rule = f"more than the {most:.0%} that TVREC_MAX_REJECTED allows"
    else:
        return
    raise error(
        f"{rejected:,} of {rows:,} rows of {table.path} are no {what}, {rule}, so none is used: "
        f"{summary(table, reasons)}"
    )


def _rejected(table: Table, reasons: NDArray[np.object_]) -> int:
    return int((reasons != "").sum()) + table.torn.total()
