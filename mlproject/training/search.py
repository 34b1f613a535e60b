"""A resumable search for better settings of a trainer."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import Trial, TrialState

from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.linear import LinearTrainer
from mlproject.training.trainer import Trainer

SPACES: Final[dict[str, dict[str, BaseDistribution]]] = {
    LightFMTrainer.name: {
        "dimensions": IntDistribution(16, 128, step=16),
        "learning_rate": FloatDistribution(0.01, 0.2, log=True),
        "max_sampled": IntDistribution(5, 200, log=True),
        "l2": FloatDistribution(1e-7, 1e-3, log=True),
        "fewest_raters": IntDistribution(1, 20, log=True),
    },
    LinearTrainer.name: {
        "neighbours": IntDistribution(10, 200, log=True),
        "ridge": FloatDistribution(0.1, 100, log=True),
        "dropout": FloatDistribution(0.0, 0.7),
        "fewest_raters": IntDistribution(1, 20, log=True),
    },
}
"""What is varied of each trainer, by its name. Epochs and shares of popularity are not: each fit
chooses them by a slice of its own."""

_FIRST_AT_RANDOM: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial under way: what to fit, and where to report the result."""

    number: int
    trainer: Trainer
    tell: Callable[[float | None], None]
    """Takes the precision, or None if the fit failed."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A completed trial."""

    number: int
    settings: dict[str, Any]
    precision: float


class Search:
    """Trials of one trainer on one set of ratings, kept in a journal.

    Parameters
    ----------
    trainer
        Of a name in :data:`SPACES`. Its settings are the first that are tried; what is not
        varied stays as it is.
    journal
        File of the trials, which is made; its folder is there.
    name
        Of the study: trials under another name say nothing here, such as those on other
        ratings.
    seed
        Of what is drawn.

    Notes
    -----
    Tree-structured Parzen estimators: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for
    hyper-parameter optimization", NeurIPS 2011, in Optuna. Several processes may share a
    journal.
    """

    def __init__(self, trainer: Trainer, journal: Path, name: str, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._trainer = trainer
        self._space = SPACES[trainer.name]
        lock = JournalFileOpenLock(str(journal))
        backend = JournalFileBackend(str(journal), lock_obj=lock)
        self._study = optuna.create_study(
            storage=JournalStorage(backend),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
        # A sampler that began anew would ask again what it has asked.
        tried = len(self._study.trials)
        self._study.sampler = optuna.samplers.TPESampler(
            seed=seed + tried, n_startup_trials=_FIRST_AT_RANDOM
        )
        if not tried:
            first = asdict(trainer)
            self._study.enqueue_trial({name: first[name] for name in self._space})

    def ask(self) -> Asked:
        """Return what to try next."""
        trial = self._study.ask(self._space)
        return Asked(
            number=trial.number,
            trainer=replace(self._trainer, **trial.params),
            tell=lambda precision: self._tell(trial, precision),
        )

    def tried(self) -> list[Tried]:
        """Return the completed trials, the best first."""
        ended = [
            Tried(trial.number, dict(trial.params), float(trial.value))
            for trial in self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            if trial.value is not None
        ]
        return sorted(ended, key=lambda trial: -trial.precision)

    def _tell(self, trial: Trial, precision: float | None) -> None:
        if precision is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, precision)
