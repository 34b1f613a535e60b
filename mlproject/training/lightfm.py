"""LightFM: vectors of shows by WARP, and the map that folds histories in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from lightfm import LightFM
from scipy import sparse

from mlproject.core.cpus import usable_cpus
from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.interactions import Split
from mlproject.core.preferences import history_weights, positive_weights
from mlproject.models.factors import Factors
from mlproject.training.fold_in import fit_fold_in
from mlproject.training.trainer import Fitted


@dataclass(frozen=True)
class LightFMTrainer:
    """Fits LightFM by WARP on the positives of the training part.

    Parameters
    ----------
    dimensions
        Length of the vectors.
    epochs
        Passes over the positives.
    learning_rate
        Initial step of AdaGrad.
    max_sampled
        Negatives that WARP tries for each positive.
    threads
        0 = one per processor. With more than one, two fits of the same data differ.
    seed
        Of the initial vectors, the order of the samples and the cuts of histories.

    Notes
    -----
    Kula, "Metadata Embeddings for User and Item Cold-start Recommendations", 2015;
    WARP: Weston, Bengio and Usunier, "WSABIE", IJCAI 2011.
    """

    name: ClassVar[str] = "lightfm"

    dimensions: int
    epochs: int
    learning_rate: float
    max_sampled: int
    threads: int
    seed: int

    def fit(
        self, split: Split, features: sparse.csr_array, on_epoch: Callable[[int], None]
    ) -> Fitted:
        """Learn vectors of users and shows, then the map from a history to its user's vector.

        The item features are folded into the vectors of the shows, so a score is one dot
        product. The vectors of the users serve to learn the map and are left behind.

        Raises
        ------
        NotEnoughDataError
            If nothing in the training part is a positive.
        TrainingError
            If the fit does not end in finite numbers.
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
            no_components=self.dimensions,
            loss="warp",
            learning_rate=self.learning_rate,
            max_sampled=self.max_sampled,
            random_state=self.seed,
        )
        for epoch in range(1, self.epochs + 1):
            try:
                model.fit_partial(
                    interactions,
                    item_features=item_features,
                    sample_weight=sample_weights,
                    epochs=1,
                    num_threads=self.threads or usable_cpus(),
                )
            except ValueError as error:
                raise TrainingError(
                    f"the fit failed: {error}; a lower learning rate than "
                    f"{self.learning_rate} may help"
                ) from error
            on_epoch(epoch)

        # Halved as they are served, so that the map is learned on what it will be given.
        with np.errstate(over="ignore"):  # whoever takes the model looks for infinities
            show_vectors = (features @ model.item_embeddings).astype(np.float16)
        histories = data.histories(~split.held_out, history_weights())
        fold_in = fit_fold_in(
            sparse.csr_array(
                (histories.weights, histories.show_rows, histories.indptr), shape=data.shape
            ),
            show_vectors.astype(np.float32),
            model.user_embeddings.astype(np.float32),
            self.seed,
        )
        biases = (features @ model.item_biases).astype(np.float32)
        return Fitted(Factors(show_vectors, biases, fold_in.matrix), kept=self.epochs)
