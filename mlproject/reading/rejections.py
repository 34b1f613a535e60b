"""A file that mostly fails is no file."""

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    torn = table.torn.total()
    rejected, rows = int((reasons != "").sum()) + torn, len(table) + torn
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
