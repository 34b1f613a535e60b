"""Vectors of users and shows by LightFM's WARP, from matrices to arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from lightfm import LightFM
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.cpus import usable_cpus
from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.training.budget import Budget

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_CHECKED: Final = ("show_vectors", "show_biases", "user_vectors")


@dataclass(frozen=True, slots=True)
class FitParams:
    """How to fit.

    Parameters
    ----------
    dimensions
        Length of the vectors.
    epochs
        Passes over the positives, at most.
    learning_rate
        Initial step of AdaGrad.
    max_sampled
        Negatives that WARP tries for each positive.
    show_l2, user_l2
        Penalties on the vectors of shows and of users.
    fewest_raters
        Shows with fewer take no part: WARP draws its negatives from all shows that do, and
        those that hardly anybody has rated would only waste samples.
    patience
        Epochs without a better measure after which a fit ends.
    threads
        0 = one a processor. With more than one, two fits of the same data differ.
    seed
        Of the initial vectors and the order of the samples.
    """

    dimensions: int = 64
    epochs: int = 15
    learning_rate: float = 0.06
    max_sampled: int = 100
    show_l2: float = 1e-4
    user_l2: float = 1e-4
    fewest_raters: int = 5
    patience: int = 3
    threads: int = 0
    seed: int = 42


@dataclass(frozen=True, slots=True)
class FittedVectors:
    """The result of a fit.

    Parameters
    ----------
    show_vectors, show_biases
        float32, of shapes ``(shows, d)`` and ``(shows,)``; 0 for a show that took no part.
    took_part
        bool, shape ``(shows,)``.
    user_vectors
        float32, shape ``(users, d)``; 0 for a user without positives.
    epochs
        Passes after which the vectors were as they are.
    measures
        What ``measure`` said after each pass, those after the best too.
    """

    show_vectors: Floats
    show_biases: Floats
    took_part: Mask
    user_vectors: Floats
    epochs: int
    measures: tuple[float, ...] = ()


Measure = Callable[[FittedVectors], float]
"""Says how good vectors are; more is better."""


def fit_vectors(
    positives: sparse.csr_array,
    params: FitParams,
    *,
    measure: Measure | None = None,
    start: FittedVectors | None = None,
    budget: Budget | None = None,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> FittedVectors:
    """Fit vectors of the users and of the shows that enough of them like.

    Parameters
    ----------
    positives
        float32, shape ``(users, shows)``: how much each positive counts; what is 0 or less
        is none.
    params
        How to fit.
    measure
        Called after each epoch. The fit ends when it has not risen for
        ``params.patience`` epochs, and what is returned is the best. Nothing of what it
        measures by may be in ``positives``.
    start
        Where to go on from, in the rows of ``positives``; a show or a user whose vector is
        0 starts at random, as all do without it.
    budget
        No epoch is begun that would spend more by what the last took; the first is always
        run.
    on_epoch
        Called after each epoch with the number done; may raise to stop the fit.

    Raises
    ------
    NotEnoughDataError
        If no show has enough raters.
    TrainingError
        If the fit does not end in finite numbers; it names the array.

    Notes
    -----
    WARP: Weston, Bengio and Usunier, "WSABIE", IJCAI 2011; LightFM: Kula, "Metadata
    Embeddings for User and Item Cold-start Recommendations", 2015.
    """
    counted = sparse.csr_array(positives.multiply(positives > 0), dtype=np.float32)
    counted.eliminate_zeros()
    raters = np.bincount(counted.indices, minlength=counted.shape[1])
    took_part = raters >= params.fewest_raters
    if not took_part.any():
        raise NotEnoughDataError(
            f"no show has {params.fewest_raters} raters who like it; "
            f"{counted.nnz} positives are too few to fit on"
        )
    chosen = sparse.csr_array(counted[:, took_part])
    model = _model(params)
    weights = _coo(chosen.data, chosen)
    interactions = _coo(np.ones_like(chosen.data), chosen)
    model.fit_partial(interactions, sample_weight=weights, epochs=0)  # draws the vectors
    if start is not None:
        _go_on_from(model, start, took_part)
    silent = np.diff(chosen.indptr) == 0

    best: FittedVectors | None = None
    measures: list[float] = []
    for epoch in range(1, params.epochs + 1):
        begun = budget.spent() if budget else 0.0
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # looked for below
                model.fit_partial(
                    interactions,
                    sample_weight=weights,
                    epochs=1,
                    num_threads=params.threads or usable_cpus(),
                )
        except ValueError as error:
            _taken(model, took_part, silent, epoch)  # says which array is not finite
            raise TrainingError(f"the fit failed: {error}") from error
        ended = budget.spent() if budget else 0.0
        on_epoch(epoch)
        over = epoch == params.epochs
        over = over or (budget is not None and 2 * ended - begun > budget.seconds)
        if measure is not None:
            found = _taken(model, took_part, silent, epoch)
            measures.append(measure(found))
            if best is None or measures[-1] > measures[best.epochs - 1]:
                best = found
            over = over or epoch - best.epochs >= params.patience
        if over:
            break
    return replace(best or _taken(model, took_part, silent, epoch), measures=tuple(measures))


def _model(params: FitParams) -> LightFM:
    return LightFM(
        no_components=params.dimensions,
        loss="warp",
        learning_rate=params.learning_rate,
        max_sampled=params.max_sampled,
        item_alpha=params.show_l2,
        user_alpha=params.user_l2,
        random_state=params.seed,
    )


def _go_on_from(model: LightFM, start: FittedVectors, took_part: Mask) -> None:
    """Replace random initial vectors by known ones."""
    shows = start.show_vectors[took_part].any(axis=1)
    model.item_embeddings[shows] = start.show_vectors[took_part][shows]
    model.item_biases[shows] = start.show_biases[took_part][shows]
    users = start.user_vectors.any(axis=1)
    model.user_embeddings[users] = start.user_vectors[users]


def _taken(model: LightFM, took_part: Mask, silent: Mask, epochs: int) -> FittedVectors:
    """Copy the arrays out of the model, in the rows of all shows."""

    def laid_out(values: Floats) -> Floats:
        found = np.zeros((len(took_part), *values.shape[1:]), dtype=np.float32)
        found[took_part] = values
        return found

    # A user without positives keeps a random vector, which says nothing of their taste.
    user_vectors = np.where(silent[:, None], np.float32(0), model.user_embeddings)
    taken = FittedVectors(
        show_vectors=laid_out(model.item_embeddings),
        show_biases=laid_out(model.item_biases),
        took_part=took_part,
        user_vectors=user_vectors,
        epochs=epochs,
    )
    for name in _CHECKED:
        if not np.isfinite(getattr(taken, name)).all():
            raise TrainingError(
                f"{name} has numbers that are not finite; a lower learning rate may help"
            )
    return taken


def _coo(values: Floats, like: sparse.csr_array) -> sparse.coo_matrix:
    """Lay values out as LightFM takes them: with indices of 32 bits."""
    users = np.repeat(np.arange(like.shape[0], dtype=np.int32), np.diff(like.indptr))
    shows = like.indices.astype(np.int32)
    return sparse.coo_matrix((values, (users, shows)), shape=like.shape)
