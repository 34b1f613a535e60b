"""Whether a version, as the service would load it, may answer anybody.

The metrics on the holdout do not show everything: a NaN in the vectors of a few shows, or an
infinite bias, may cost hardly any precision, and would still be served. So the logged files are
read back, and queried as the service would.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.histories import Histories
from mlproject.core.ranking import top_k

Rows = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]

_BLOCK: Final = 256


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a version must satisfy.

    Parameters
    ----------
    k
        Length of the lists.
    least_variety
        How many different shows the lists hold in all, as a share of the most they could:
        of their places, or of the shows if those are fewer.
    seconds
        How long a list may take, for one user, in the median.
    timed
        How many lists are timed.
    """

    k: int = 10
    least_variety: float = 0.03
    seconds: float = 0.05
    timed: int = 21


DEFAULT: Final = Bounds()


def check_version(
    arrays: Mapping[str, NDArray[Any]],
    scores: Callable[[Histories], Floats],
    recommend: Callable[[Histories, int], Rows],
    histories: Histories,
    bounds: Bounds = DEFAULT,
) -> tuple[str, ...]:
    """Look for what must not be served.

    Parameters
    ----------
    arrays
        Every array of the version, by the name that people know it by.
    scores
        Scores every show for a block of ``m`` histories, shape ``(m, shows)``; what has
        been seen is scored like the rest.
    recommend
        The rows of the shows that the service would answer one history with, best first:
        at most so many.
    histories
        Of some real users who have liked something; two hundred tell enough. With none the
        arrays alone are looked at.
    bounds
        What is asked.

    Returns
    -------
    tuple of str
        A sentence for each thing found; empty if the version may serve.
    """
    found = list(_not_finite(arrays))
    found += _bad_scores(scores, histories)
    if found or not len(histories):  # lists of what cannot be ranked mean nothing
        return tuple(found)
    shows = scores(histories[:1]).shape[1]
    ones = [histories[user : user + 1] for user in range(len(histories))]
    lists = [np.asarray(recommend(one, bounds.k)) for one in ones]
    return (
        *_wrong_lists(lists, [one.show_rows for one in ones], shows, bounds.k),
        *_too_alike(lists, shows, bounds),
        *_same_order(scores, histories, bounds.k),
        *_slow(recommend, ones[: bounds.timed], bounds),
    )


def _not_finite(arrays: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.inexact):
            continue
        places = np.argwhere(~np.isfinite(array))
        if len(places):
            first = ", ".join(str(index) for index in places[0])
            yield f"{name} is not finite in {_count(len(places), 'place')}, first at [{first}]"


def _bad_scores(scores: Callable[[Histories], Floats], histories: Histories) -> Iterator[str]:
    users, shows = 0, set[int]()
    for block in _blocks(histories):
        found = scores(block)
        if found.ndim != 2 or len(found) != len(block):  # noqa: PLR2004 - rows and columns
            yield f"the scores of {len(block)} histories are of shape {found.shape}"
            return
        broken = ~np.isfinite(found)
        users += int(np.count_nonzero(broken.any(axis=1)))
        shows.update(np.flatnonzero(broken.any(axis=0)).tolist())
    if users:
        yield (
            f"the scores of {users:,} of {_count(len(histories), 'user')} are not finite, in "
            f"{_count(len(shows), 'show')}"
        )


def _wrong_lists(lists: list[Rows], seen: list[Rows], shows: int, k: int) -> Iterator[str]:
    """Look for lists that are short, or hold what they must not."""
    short = [
        len(rows) < min(k, shows - len(np.unique(known)))
        for rows, known in zip(lists, seen, strict=True)
    ]
    if any(short):
        empty = sum(not len(rows) for rows in lists)
        what = "empty" if empty == sum(short) else "shorter than they could be"
        yield f"{_of_lists(sum(short), lists)} {what}"
    again = sum(bool(np.isin(rows, known).any()) for rows, known in zip(lists, seen, strict=True))
    if again:
        yield f"{_of_lists(again, lists)} with shows that the user has seen"
    twice = sum(len(np.unique(rows)) < len(rows) for rows in lists)
    if twice:
        yield f"{_of_lists(twice, lists)} with a show that is there twice"


def _too_alike(lists: list[Rows], shows: int, bounds: Bounds) -> Iterator[str]:
    """Look for lists that all hold the same few shows."""
    places = sum(len(rows) for rows in lists)
    if not places:
        return
    different, most = len(np.unique(np.concatenate(lists))), min(places, shows)
    if different < bounds.least_variety * most:
        yield (
            f"{len(lists):,} lists hold {different:,} different shows in all, and "
            f"{bounds.least_variety * most:,.0f} are the least"
        )


def _same_order(
    scores: Callable[[Histories], Floats], histories: Histories, k: int
) -> Iterator[str]:
    """Look for one order of the shows for everyone, whatever they have seen of it."""
    if len(histories) < 2:  # noqa: PLR2004 - nobody to compare with
        return
    last: Floats | None = None
    for block in _blocks(histories):
        found = np.array(scores(block))
        found[block.users, block.show_rows] = -np.inf
        for row in found:
            if last is not None and _differ(last, row, k):
                return
            last = row
    yield "everyone gets the same list, but for what they have seen"


def _differ(one: Floats, other: Floats, k: int) -> bool:
    """Return whether two users get different lists of shows that neither has seen."""
    unseen = np.isfinite(one) & np.isfinite(other)
    return not np.array_equal(top_k(one[unseen], k), top_k(other[unseen], k))


def _slow(
    recommend: Callable[[Histories, int], Rows], ones: list[Histories], bounds: Bounds
) -> Iterator[str]:
    seconds = []
    for one in ones:
        started = time.perf_counter()
        recommend(one, bounds.k)
        seconds.append(time.perf_counter() - started)
    taken = median(seconds)
    if taken > bounds.seconds:
        yield f"a list takes {taken:.3f} s, and {bounds.seconds:g} s is the most"


def _blocks(histories: Histories) -> Iterator[Histories]:
    for start in range(0, len(histories), _BLOCK):
        yield histories[start : start + _BLOCK]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _of_lists(number: int, lists: list[Rows]) -> str:
    return f"{number:,} of {_count(len(lists), 'list')} {'is' if number == 1 else 'are'}"
