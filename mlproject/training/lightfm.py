"""LightFM, from interactions to plain arrays."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from lightfm import LightFM
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.training.preferences import positive_weights


@dataclass(frozen=True, slots=True)
class FitParams:
    """How to fit.

    Parameters
    ----------
    dimensions
        Length of the factors.
    epochs
        Passes over the positives.
    learning_rate
        Initial step of AdaGrad.
    max_sampled
        Negatives that WARP tries for each positive.
    threads
        0 = one a processor. With more than one, two fits of the same data differ.
    seed
        Of the initial factors and the order of the samples.
    """

    dimensions: int
    epochs: int
    learning_rate: float
    max_sampled: int
    threads: int
    seed: int


def fit(
    split: Split,
    features: sparse.csr_array,
    cards: tuple[dict[str, Any], ...],
    params: FitParams,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> TrainedModel:
    """Fit LightFM by WARP on the training part and fold the item features in.

    Parameters
    ----------
    split
        What trains; the held-out part only goes into what users have seen.
    features
        float32, shape ``(shows, features)``.
    cards
        What is known of each show, in row order.
    params
        How to fit.
    on_epoch
        Called after each epoch with the number done.

    Returns
    -------
    TrainedModel
        With ``show_factors = features @ item_embeddings``, so that a score is one dot
        product; equal to ``LightFM.predict`` but for the user's bias, which does not
        change a user's order.

    Raises
    ------
    NotEnoughDataError
        If nothing in the training part is a positive.
    TrainingError
        If the fit does not end in finite numbers.

    Notes
    -----
    Kula, "Metadata Embeddings for User and Item Cold-start Recommendations", 2015;
    WARP: Weston, Bengio and Usunier, "WSABIE", IJCAI 2011.
    """
    data = split.interactions
    weights = positive_weights(data.ratings)
    positive = (weights > 0) & ~split.held_out
    if not positive.any():
        raise NotEnoughDataError(
            f"none of {len(data)} ratings is a positive to train on; rate something above 4"
        )
    interactions = sparse.coo_matrix(data.matrix(np.ones_like(weights), positive))
    sample_weights = sparse.coo_matrix(data.matrix(weights, positive))
    item_features = sparse.csr_matrix(features)
    # LightFM's compiled part takes indices of 32 bits only.
    item_features.indices = item_features.indices.astype(np.int32)
    item_features.indptr = item_features.indptr.astype(np.int32)

    model = LightFM(
        no_components=params.dimensions,
        loss="warp",
        learning_rate=params.learning_rate,
        max_sampled=params.max_sampled,
        random_state=params.seed,
    )
    for epoch in range(1, params.epochs + 1):
        try:
            model.fit_partial(
                interactions,
                item_features=item_features,
                sample_weight=sample_weights,
                epochs=1,
                num_threads=params.threads or os.cpu_count() or 1,
            )
        except ValueError as error:
            raise TrainingError(
                f"the fit failed: {error}; a lower learning rate than {params.learning_rate} "
                "may help"
            ) from error
        on_epoch(epoch)

    user_factors = model.user_embeddings.astype(np.float32)
    # A user without positives keeps random factors, which say nothing of their taste.
    user_factors[np.bincount(interactions.row, minlength=len(data.users)) == 0] = 0
    seen = np.bincount(data.user_rows, minlength=len(data.users))
    return TrainedModel(
        users=data.users,
        shows=data.shows,
        user_factors=user_factors,
        show_factors=(features @ model.item_embeddings).astype(np.float32),
        show_biases=(features @ model.item_biases).astype(np.float32),
        popularity=np.bincount(data.show_rows[positive], minlength=len(data.shows)).astype(
            np.float32
        ),
        seen_indptr=np.concatenate(([0], np.cumsum(seen))).astype(np.int64),
        seen_rows=data.show_rows,
        cards=cards,
    )
