"""A sparse linear model: what each show in a history says of the shows like it.

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
    raters = np.bincount(taken.indices, minlength=taken.shape[1])
    chosen = np.flatnonzero(raters >= params.fewest_raters).astype(np.int32)
    if not len(chosen):
        raise NotEnoughDataError(
            f"no show has {params.fewest_raters} raters; {taken.nnz} ratings are too few to fit on"
        )
    gram = _Gram(sparse.csr_array(taken[:, chosen]))
    neighbours = _nearest(gram, min(params.neighbours, len(chosen) - 1), on_block)
    # Threads cost more than they give on systems this small, above all on a busy machine.
    with threadpool_limits(1), np.errstate(over="ignore"):
        values = _regressions(gram, neighbours, params, on_block).astype(np.float16)
    if not np.isfinite(values).all():
        raise TrainingError("the weights are not finite; a larger ridge may help")

    # Column j of W has the weights on the neighbours of j; what is stored is its rows.
    ends = np.zeros(taken.shape[1] + 1, dtype=np.int64)
    ends[chosen + 1] = neighbours.shape[1]
    matrix = sparse.csc_array(
        (values.astype(np.float32).ravel(), chosen[neighbours].ravel(), ends.cumsum()),
        shape=(taken.shape[1],) * 2,
    ).tocsr()
    matrix.eliminate_zeros()
    return FittedWeights(
        indptr=matrix.indptr.astype(np.int64),
        columns=matrix.indices.astype(np.int32),
        values=matrix.data.astype(np.float16),
        prior=scaled(popularity, params.prior),
    )


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
    """Return the ``count`` nearest shows of each by cosine, int32, shape ``(shows, count)``.

    A show that shares raters with fewer gets others to fill up: the ridge makes them weigh
    next to nothing.
    """
    nearest = np.empty((gram.size, count), dtype=np.int32)
    scale = 1 / np.sqrt(gram.diagonal)
    for rows, block in gram.blocks(np.arange(gram.size, dtype=np.int32)):
        cosines = block.data * scale[block.indices]  # times one number for each row
        for row, start, end in zip(rows, block.indptr[:-1], block.indptr[1:], strict=True):
            columns, values = block.indices[start:end], cosines[start:end]
            values[columns == row] = -np.inf
            if len(columns) > count + 1:
                best = np.argpartition(values, len(values) - count)[len(values) - count :]
                nearest[row] = columns[best]
            else:
                others = columns[columns != row]
                unlike = np.setdiff1d(np.arange(min(gram.size, 2 * count + 2)), columns)
                nearest[row] = np.concatenate((others, unlike))[:count]
        on_block(float(rows[-1] + 1) / gram.size / 2)
    return nearest


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
        systems, targets = _filled(gram, shows, part)
        each = np.arange(count)
        scale = params.dropout / (1 - params.dropout)
        systems[:, each, each] += params.ridge + scale * gram.diagonal[part]
        for first in range(0, len(shows), _SOLVED):
            some = slice(first, first + _SOLVED)
            try:
                solved = np.linalg.solve(systems[some], targets[some, :, None])
            except np.linalg.LinAlgError as error:
                raise TrainingError("a regression has no solution; a larger ridge helps") from error
            weights[shows[some]] = solved[..., 0]
        on_block((1 + float(shows[-1] + 1) / gram.size) / 2)
    return weights


def _filled(gram: _Gram, shows: NDArray[np.int64], neighbours: Neighbours) -> tuple[Floats, Floats]:
    """Return ``G[N, N]`` and ``G[N, j]`` for some shows ``j``.

    Each row of ``G`` is laid out once, and the systems of all shows that have it as a
    neighbour take their part: its numbers are near each other, where taking one system
    after another would look all over ``G``.
    """
    count = neighbours.shape[1]
    systems = np.empty((len(shows), count, count), dtype=np.float32)
    targets = np.empty((len(shows), count), dtype=np.float32)
    users = np.argsort(neighbours, axis=None, kind="stable")
    wanted, starts = np.unique(neighbours.ravel()[users], return_index=True)
    laid_out = np.zeros(gram.size, dtype=np.float32)
    by_row = iter(np.split(users, starts[1:]))
    for rows, block in gram.blocks(wanted):
        for place in range(len(rows)):
            entries = slice(block.indptr[place], block.indptr[place + 1])
            laid_out[block.indices[entries]] = block.data[entries]
            of, at = np.divmod(next(by_row), count)
            systems[of, at] = laid_out[neighbours[of]]
            targets[of, at] = laid_out[shows[of]]
            laid_out[block.indices[entries]] = 0
    return systems, targets
