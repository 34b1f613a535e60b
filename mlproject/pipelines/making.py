"""From fits to the files of a version: of the measured and of the served model."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from mlproject.core.interactions import Split
from mlproject.core.model import Model, TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.core.runs import AS_MEASURED, FITTED_AGAIN
from mlproject.dataset.cards import cards
from mlproject.dataset.split import HoldNothing
from mlproject.models.files import MEASURED, load_model, save_model
from mlproject.pipelines.dataset import Dataset
from mlproject.pipelines.vetting import findings
from mlproject.training.popularity import popular_now
from mlproject.training.start import Start
from mlproject.training.trainer import Fitted, GoingOn, Trainer, require_finite

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Maker:
    """What the models of one training have in common.

    Parameters
    ----------
    trainer, dataset
        What trains, and on what.
    metadata
        Of the dataset's shows.
    half_life_days
        How fast popularity fades.
    on_epoch
        Progress; may raise to end a fit.
    """

    trainer: Trainer
    dataset: Dataset
    metadata: sparse.csr_array
    half_life_days: float
    on_epoch: Callable[[int], None]

    def measured(
        self, split: Split, folder: Path, start: Start | None = None
    ) -> tuple[Fitted, TrainedModel]:
        """Fit on the training part, and read back from the files in ``folder``, which is made."""
        given = (split, self.metadata, self.half_life_days, self.on_epoch)
        if start is not None and isinstance(self.trainer, GoingOn):
            fitted = self.trainer.go_on(start, *given)
        else:
            fitted = self.trainer.fit(*given)
        return fitted, self._written(fitted.model, split, folder)

    def served(self, split: Split, fitted: Fitted, measured: Path, k: int) -> tuple[Path, str]:
        """Fit once more, on the holdout too, with what the first fit has found.

        Nobody can measure this model by the ratings there are: it has learned them. So the
        measured one goes along in the version's files, and is what later candidates are
        compared with; see :mod:`mlproject.pipelines.incumbents`.

        Parameters
        ----------
        split, fitted, measured
            What was fitted, on what, and the folder of its files.
        k
            How long lists are, for the checks.

        Returns
        -------
        tuple
            The folder of the version's files, and what they serve, for the record: what
            was measured if the checks find something wrong with the other.
        """
        data = split.interactions
        whole = Split(data, np.zeros(len(data), dtype=np.bool_), split.by_time, HoldNothing())
        again = self.trainer.refit(
            whole, self.metadata, self.half_life_days, fitted.found, self.on_epoch
        )
        folder = measured.with_name("model")
        wrong = findings(self._written(again, whole, folder), whole, k)
        if wrong:
            log.warning("the fit on everything is not served: %s", "; ".join(wrong))
            return measured, AS_MEASURED
        measured.rename(folder / MEASURED)
        return folder, FITTED_AGAIN

    def _written(self, model: Model, split: Split, folder: Path) -> TrainedModel:
        """Write a model, and return the one read back, which is what is measured and served."""
        popularity = popular_now(split, self.half_life_days)
        require_finite({**model.arrays(), "popularity": popularity})
        folder.mkdir()
        save_model(
            TrainedModel(
                shows=self.dataset.interactions.shows,
                model=model,
                popularity=popularity,
                history_weights=history_weights(),
                cards=cards(self.dataset.catalogue),
            ),
            folder,
        )
        return load_model(folder)
