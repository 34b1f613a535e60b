"""A sparse linear model: how each show in a history changes the scores of similar shows.

For each show, a ridge regression of its ratings on those of the ``neighbours`` shows
whose raters are most alike by cosine. That is fsSLIM (Ning and Karypis, "SLIM: Sparse
Linear Methods for Top-N Recommender Systems", ICDM 2011) with its L2 alone, which has a
closed form, and with the penalty of a dropout of the history's shows (Steck,
"Autoencoders that don't overfit towards the Identity", NeurIPS 2020). For show ``j`` with
its neighbours ``N``, and ``G = X.T @ X`` of the histories ``X``::

    W[N, j] = inv(G[N, N] + diag(ridge + dropout / (1 - dropout) * G[N, N])) @ G[N, j]

Nothing here is as large as shows x shows. ``G`` is made in blocks of rows, twice: once to
find the neighbours, and again to fill the small systems, as many as memory allows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.training.popularity import scaled

Floats = NDArray[np.float32]
Rows = NDArray[np.int32]
Neighbours = NDArray[np.int32]

_GRAM_ENTRIES: Final = 1 << 23
"""Entries of ``G`` in a block, at most; 12 bytes each, and as much again while it is made."""
_SOLVED: Final = 256
"""Systems that are solved at a time."""
_NOWHERE: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LinearParams:
    """How to fit.

    Parameters
    ----------
    neighbours
        Shows that each regression may use.
    ridge
        Added to the diagonal; larger = smaller weights, above all on shows with few
        ratings.
    dropout
        Between 0 and 1 (excluded): the share of a history that a fit has to do without.
    prior
        Score of the most popular show without any history. With 0 most scores are 0 and
        equal, and to rank equal scores takes long.
    fewest_raters
        Shows with fewer get no weights.
    memory
        Bytes for the systems that are filled at a time.
    """

    neighbours: int = 50
    ridge: float = 3.0
    dropout: float = 0.2
    prior: float = 1.0
    fewest_raters: int = 5
    memory: int = 1 << 29

    def most_neighbours(self, shows: int) -> int:
        """Return how many neighbours each of ``shows`` shows gets."""
        return min(self.neighbours, shows - 1)


@dataclass(frozen=True, slots=True)
class FittedWeights:
    """Weights between shows, as :class:`~mlproject.models.linear.Linear` takes them.

    Parameters
    ----------
    indptr, columns, values
        int64 of shape ``(shows + 1,)``, int32 and float16 of shape ``(weights,)``.
    prior
        float32, shape ``(shows,)``.
    """

    indptr: NDArray[np.int64]
    columns: Rows
    values: NDArray[np.float16]
    prior: Floats


def fit_weights(
    histories: sparse.csr_array,
    popularity: Floats,
    params: LinearParams,
    on_block: Callable[[float], None] = lambda _: None,
) -> FittedWeights:
    """Fit the weights between all shows that enough users have rated.

    Parameters
    ----------
    histories
        float32, shape ``(users, shows)``, canonical: what each user has rated, by how
        much they liked it. What is 0 says nothing.
    popularity
        At least 0, float32, shape ``(shows,)``; only its proportions matter. Where tastes
        drift it should be that of now: that of all time is a bad guide for a newcomer.
    params
        How to fit.
    on_block
        Called now and then with the share that is done; may raise to stop the fit.

    Returns
    -------
    FittedWeights

    Raises
    ------
    NotEnoughDataError
        If no show has enough raters.
    TrainingError
        If the weights are not finite.

    Notes
    -----
    Takes the two products that make ``G`` (the second as often as the systems do not
    fit into memory at once), one gather of ``neighbours ** 2`` numbers for each show and
    one solution of that size. Memory: ``params.memory``, some blocks of ``G`` (100 MB
    each), 16 bytes for each of the ``shows * neighbours`` weights and 50 for each rating:
    1.6 GB and 133 s of one processor with 200,000 shows and 8.9 million ratings.
    """
    taken = histories.astype(np.float32)
    taken.eliminate_zeros()
    chosen = learned(np.bincount(taken.indices, minlength=taken.shape[1]), params)
    gram = _Gram(sparse.csr_array(taken[:, chosen]))
    neighbours = _nearest(gram, params.most_neighbours(len(chosen)), on_block)
    # Threads cost more than they give on systems this small, above all on a busy machine.
    with threadpool_limits(1):
        values = _regressions(gram, neighbours, params, on_block)
    return laid_out(chosen, neighbours, values, popularity, params)


def learned(raters: NDArray[np.int64], params: LinearParams) -> Rows:
    """Return the shows that get weights, by the number of their raters, ascending.

    Raises
    ------
    NotEnoughDataError
        If there is none.
    """
    chosen = np.flatnonzero(raters >= params.fewest_raters).astype(np.int32)
    if not len(chosen):
        raise NotEnoughDataError(
            f"no show has {params.fewest_raters} raters; "
            f"{raters.sum()} ratings are too few to fit on"
        )
    return chosen


def laid_out(
    chosen: Rows, neighbours: Neighbours, values: Floats, popularity: Floats, params: LinearParams
) -> FittedWeights:
    """Put the regressions together.

    Parameters
    ----------
    chosen
        The shows that were learned, shape ``(n,)``.
    neighbours, values
        Of each of them its neighbours among ``chosen`` and their weights, shape ``(n, count)``.
    popularity, params
        As in :func:`fit_weights`.

    Raises
    ------
    TrainingError
        If the weights are not finite.
    """
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    if not np.isfinite(halved).all():
        raise TrainingError("the weights are not finite; a larger ridge may help")
    # Column j of W has the weights on the neighbours of j; what is stored is its rows.
    shows = len(popularity)
    ends = np.zeros(shows + 1, dtype=np.int64)
    ends[chosen + 1] = neighbours.shape[1]
    matrix = sparse.csc_array(
        (halved.astype(np.float32).ravel(), chosen[neighbours].ravel(), ends.cumsum()),
        shape=(shows, shows),
    ).tocsr()
    matrix.eliminate_zeros()
    return FittedWeights(
        indptr=matrix.indptr.astype(np.int64),
        columns=matrix.indices.astype(np.int32),
        values=matrix.data.astype(np.float16),
        prior=scaled(popularity, params.prior),
    )


def nearest(rows: Rows, block: sparse.csr_array, diagonal: Floats, count: int) -> Neighbours:
    """Return the ``count`` nearest shows of some by cosine.

    A show that shares raters with fewer gets others to fill up: the ridge makes them weigh
    next to nothing.

    Parameters
    ----------
    rows
        Which shows, shape ``(r,)``.
    block
        Their rows of ``G``, shape ``(r, n)``.
    diagonal
        Of ``G``, shape ``(n,)``.
    count
        Less than ``n``.

    Returns
    -------
    numpy.ndarray
        int32, shape ``(r, count)``.
    """
    found = np.empty((len(rows), count), dtype=np.int32)
    # Times one number for each row, which changes no order.
    cosines = block.data / np.sqrt(diagonal)[block.indices]
    for place, row in enumerate(rows):
        entries = slice(block.indptr[place], block.indptr[place + 1])
        columns, values = block.indices[entries], cosines[entries]
        values[columns == row] = -np.inf
        if len(columns) > count + 1:
            best = np.argpartition(values, len(values) - count)[len(values) - count :]
            found[place] = columns[best]
        else:
            others = columns[columns != row]
            unlike = np.setdiff1d(np.arange(min(len(diagonal), 2 * count + 2)), columns)
            found[place] = np.concatenate((others, unlike))[:count]
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """The part of one row of ``G`` in the regressions that have its show as a neighbour.

    Parameters
    ----------
    of
        Which regressions, int64, shape ``(m,)``.
    at
        The show's place among the neighbours of each, int64, shape ``(m,)``.
    systems
        Those rows of their ``G[N, N]``, float32, shape ``(m, count)``.
    targets
        Those entries of their ``G[N, j]``, float32, shape ``(m,)``.
    """

    of: NDArray[np.int64]
    at: NDArray[np.int64]
    systems: Floats
    targets: Floats


class Parts:
    """Takes rows of ``G`` apart for some regressions.

    Each row is laid out once, and the systems of all shows that have it as a neighbour take
    their part: its numbers are near each other, where taking one system after another would
    look all over ``G``.

    Parameters
    ----------
    shows
        Those of the regressions, shape ``(m,)``.
    neighbours
        Theirs, shape ``(m, count)``.
    size
        The number ``n`` of shows that are learned.
    """

    def __init__(self, shows: NDArray[np.int64], neighbours: Neighbours, size: int) -> None:
        self._shows, self._neighbours = shows, neighbours
        order = np.argsort(neighbours, axis=None, kind="stable")
        wanted, starts = np.unique(neighbours.ravel()[order], return_index=True)
        self.rows: Rows = wanted
        """The rows of ``G`` that are asked for, ascending."""
        self._uses = dict(zip(wanted.tolist(), np.split(order, starts[1:]), strict=False))
        self._line = np.zeros(size, dtype=np.float32)

    def of(self, row: int, columns: Rows, values: Floats) -> Part:
        """Return what a row of ``G`` gives; ``columns`` and ``values`` are its entries."""
        of, at = np.divmod(self._uses.get(row, _NOWHERE), self._neighbours.shape[1])
        self._line[columns] = values
        systems = self._line[self._neighbours[of]]
        targets = self._line[self._shows[of]]
        self._line[columns] = 0
        return Part(of, at, systems, targets)


def solved(systems: Floats, targets: Floats, diagonals: Floats, params: LinearParams) -> Floats:
    """Solve regressions.

    Parameters
    ----------
    systems, targets
        ``G[N, N]`` and ``G[N, j]``, shapes ``(m, count, count)`` and ``(m, count)``; the
        systems are altered.
    diagonals
        ``G[N, N]``'s diagonals, shape ``(m, count)``.
    params
        How to fit.

    Returns
    -------
    numpy.ndarray
        float32, shape ``(m, count)``.

    Raises
    ------
    TrainingError
        If one has no solution.
    """
    each = np.arange(targets.shape[1])
    scale = params.dropout / (1 - params.dropout)
    systems[:, each, each] += params.ridge + scale * diagonals
    weights = np.empty_like(targets)
    for first in range(0, len(targets), _SOLVED):
        some = slice(first, first + _SOLVED)
        try:
            weights[some] = np.linalg.solve(systems[some], targets[some, :, None])[..., 0]
        except np.linalg.LinAlgError as error:
            raise TrainingError("a regression has no solution; a larger ridge helps") from error
    return weights


class _Gram:
    """``X.T @ X``, whose rows are made when they are asked for.

    Parameters
    ----------
    histories
        ``X``, float32, shape ``(users, shows)``.
    """

    def __init__(self, histories: sparse.csr_array) -> None:
        self._users = histories
        self._shows = sparse.csr_array(histories.T)
        self.size = int(histories.shape[1])
        squares = histories.data.astype(np.float64) ** 2
        self.diagonal = np.bincount(histories.indices, squares, self.size).astype(np.float32)
        # A row has no more entries than the histories of all its raters together.
        lengths = np.diff(histories.indptr).astype(np.float64)
        together = self._shows.astype(np.bool_).astype(np.float64) @ lengths
        self._entries = np.minimum(together, self.size)

    def blocks(self, rows: Rows) -> Iterator[tuple[Rows, sparse.csr_array]]:
        """Yield the wanted rows, in their order, some at a time."""
        block = self._entries[rows].cumsum() // _GRAM_ENTRIES
        for part in np.split(rows, np.flatnonzero(np.diff(block)) + 1):
            yield part, self._shows[part] @ self._users


def _nearest(gram: _Gram, count: int, on_block: Callable[[float], None]) -> Neighbours:
    """Return the nearest shows of each, shape ``(shows, count)``."""
    found = np.empty((gram.size, count), dtype=np.int32)
    for rows, block in gram.blocks(np.arange(gram.size, dtype=np.int32)):
        found[rows] = nearest(rows, block, gram.diagonal, count)
        on_block(float(rows[-1] + 1) / gram.size / 2)
    return found


def _regressions(
    gram: _Gram, neighbours: Neighbours, params: LinearParams, on_block: Callable[[float], None]
) -> Floats:
    """Return the weights on the neighbours of each show, shape ``(shows, count)``."""
    count = neighbours.shape[1]
    weights = np.empty(neighbours.shape, dtype=np.float32)
    at_once = max(1, params.memory // (4 * max(1, count) ** 2))
    for start in range(0, gram.size, at_once):
        shows = np.arange(start, min(start + at_once, gram.size))
        part = neighbours[shows]
        systems = np.empty((len(shows), count, count), dtype=np.float32)
        targets = np.empty((len(shows), count), dtype=np.float32)
        parts = Parts(shows, part, gram.size)
        for rows, block in gram.blocks(parts.rows):
            for place, row in enumerate(rows.tolist()):
                entries = slice(block.indptr[place], block.indptr[place + 1])
                given = parts.of(row, block.indices[entries], block.data[entries])
                systems[given.of, given.at] = given.systems
                targets[given.of, given.at] = given.targets
        weights[shows] = solved(systems, targets, gram.diagonal[part], params)
        on_block((1 + float(shows[-1] + 1) / gram.size) / 2)
    return weights
