"""What a trainer is: settings that turn interactions into a model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from mlproject.core.errors import TrainingError
from mlproject.core.interactions import Split
from mlproject.core.model import Arrays, Model
from mlproject.training.start import Start


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a fit.

    Parameters
    ----------
    model
        The model.
    found
        What a validation slice told, by name: how to fit again without one.
    curve
        The metric on the validation slice after each epoch; empty if there is none.
    kept
        The epoch whose model this is, from 1; 0 if there are no epochs.
    leaves
        What the next fit may go on from; None if nothing.
    """

    model: Model
    found: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    kept: int = 0
    leaves: Start | None = None


class Trainer(Protocol):
    """A frozen dataclass: its fields are its settings, and are logged as a run's parameters."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    name: ClassVar[str]
    """What it is called in settings and in the names of runs."""

    @property
    def epochs(self) -> int:
        """How often ``on_epoch`` is called, for a progress bar."""
        ...

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Learn from the training part, and choose by a slice of it what the settings leave open.

        Parameters
        ----------
        split
            What trains, and what must not.
        metadata
            What is known of each show, float32, shape ``(shows, features)``: 1 where a show
            has the feature.
        half_life_days
            How fast popularity fades here, see
            :func:`~mlproject.training.popularity.popular_now`.
        on_epoch
            Called after each epoch with the number done; what it raises ends the fit.

        Raises
        ------
        NotEnoughDataError
            If the training part has nothing to learn from.
        TrainingError
            If the fit fails.
        """
        ...

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        found: Mapping[str, float],
        on_epoch: Callable[[int], None],
    ) -> Model:
        """Learn from the whole training part with the settings that an earlier fit has found.

        Parameters
        ----------
        split, metadata, half_life_days, on_epoch
            As in :meth:`fit`.
        found
            As in :class:`Fitted`.

        Raises
        ------
        NotEnoughDataError, TrainingError
            As :meth:`fit` raises them.
        """
        ...


@runtime_checkable
class GoingOn(Protocol):
    """A trainer that can continue from an earlier fit."""

    def go_on(
        self,
        start: Start,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Fit as :meth:`Trainer.fit` does, from vectors instead of from nothing.

        Parameters
        ----------
        start
            What a fit has left. Nothing that is held out may be of what it has learned.
        split, metadata, half_life_days, on_epoch
            As in :meth:`Trainer.fit`.

        Raises
        ------
        NotEnoughDataError, TrainingError
            As :meth:`Trainer.fit` raises them.
        """
        ...


def require_finite(arrays: Arrays) -> None:
    """Refuse a model with a number that is none.

    Raises
    ------
    TrainingError
        Naming the array.
    """
    for name, array in arrays.items():
        bad = array.size - np.count_nonzero(np.isfinite(array))
        if bad:
            raise TrainingError(
                f"{bad} of {array.size} numbers in {name} are not finite; "
                "a lower learning rate may help (TVREC_LEARNING_RATE)"
            )
