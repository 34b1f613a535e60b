"""A search for better settings, on a slice of the training part."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mlproject.core.cancel import Cancelled, ShouldStop, never
from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.ports import RunTracker
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import SplitKind, hold_out
from mlproject.models.popularity import Popularity
from mlproject.pipelines.dataset import Dataset
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.popularity import popular_now
from mlproject.training.search import Search, Tried
from mlproject.training.trainer import Trainer
from mlproject.training.validation import choose_half_life, cut_validation

log = logging.getLogger(__name__)

METRIC: Final = "validation_precision_at_10"
_APART: Final = 1000


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search ends.

    Parameters
    ----------
    trials
        So many are run, beside those of earlier calls.
    seconds
        None is begun after so long, and a fit that is under way ends soon after.
    """

    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """The result of a search, including the trials of earlier calls.

    Parameters
    ----------
    tried
        The best first.
    now
        How many of them this call has run.
    popularity
        The precision of what was popular, on the same slice.
    users
        How many users the slice measures.
    """

    tried: list[Tried]
    now: int
    popularity: float
    users: int


def tune(  # noqa: PLR0913 - the composition of a whole pipeline
    dataset: Dataset,
    tracker: RunTracker,
    trainer: Trainer,
    folder: Path,
    budget: Budget,
    *,
    seed: int,
    holdout: float,
    split: SplitKind,
    by: str,
    tags: Mapping[str, str],
    on_trial: Callable[[int], None] = lambda _: None,
    should_stop: ShouldStop = never,
) -> Tuned:
    """Try settings, each in a run of its own below the search's.

    The holdout takes no part: it is cut off first, then a slice off the rest, which
    measures. Each fit chooses its epochs and shares of popularity by a slice of its own,
    cut off what is left, as it would in a build.

    Parameters
    ----------
    dataset, tracker, trainer
        What to fit on, where the runs go, and whose settings to vary.
    folder
        Where the trials are kept, which is made. A search on the same ratings goes on
        with them.
    budget
        When to end.
    seed, holdout, split
        As in a build.
    by, tags
        Who tunes, and what else is to be noted of the runs.
    on_trial, should_stop
        Progress, and how to end early; a trial that is under way is given up.

    Raises
    ------
    Cancelled
        If ``should_stop`` said so; what was tried is kept.
    NotEnoughDataError
        If the slice has too few users to measure by.
    TrackingUnavailableError
        If MLflow does not answer.
    """
    begun = time.monotonic()
    cut, rule = hold_out(dataset.interactions, share=holdout, seed=seed, kind=split)
    # Another seed than the fits', which cut a slice of their own off what is left.
    validation = cut_validation(cut, seed + _APART)
    if not validation.tells:
        raise NotEnoughDataError(
            f"the slice to tune on has {len(validation.users)} users with something they like; "
            "more ratings are needed"
        )
    half_life = choose_half_life(validation.split, seed)
    metadata = show_metadata(dataset.catalogue)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{dataset.digest[:12]}, without {rule}"
    search = Search(trainer, folder / f"{trainer.name}.journal", name, seed)
    popular = Popularity(popular_now(validation.split, half_life))
    popularity = validation.precision(popular)

    def on_epoch(_: int) -> None:
        if should_stop():
            raise Cancelled

    with tracker.run(f"tune {trainer.name}") as parent:
        parent.tags(
            {"trained_by": by, "tuning": "search", "dataset_digest": dataset.digest, **tags}
        )
        parent.params({"trainer": trainer.name, "split": str(rule), "half_life_days": half_life})
        now = 0
        while now < budget.trials and time.monotonic() - begun < budget.seconds:
            asked = search.ask()
            with tracker.run(f"{trainer.name} trial {asked.number}") as run:
                run.params(asdict(asked.trainer))
                run.tags({"trained_by": by, "tuning": "trial", **tags})
                fitted = _in_time(asked.trainer, begun + budget.seconds)
                started = time.monotonic()
                try:
                    model = fitted.fit(validation.split, metadata, half_life, on_epoch).model
                    precision = validation.precision(model)
                except (TrainingError, NotEnoughDataError) as error:
                    log.warning("trial %d failed: %s", asked.number, error)
                    run.tags({"reason": str(error)})
                    asked.tell(None)
                else:
                    run.metrics(
                        {
                            METRIC: precision,
                            "fit_seconds": time.monotonic() - started,
                        }
                    )
                    asked.tell(precision)
            now += 1
            on_trial(now)
        tried = search.tried()
        if tried:
            parent.metrics(
                {
                    METRIC: tried[0].precision,
                    "validation_popularity_precision_at_10": popularity,
                    "trials": len(tried),
                }
            )
            parent.tags({f"best_{name}": str(best) for name, best in tried[0].settings.items()})
    return Tuned(tried, now, popularity, len(validation.users))


def _in_time(trainer: Trainer, deadline: float) -> Trainer:
    """Let a fit that goes by epochs begin none that would outlast the search."""
    if not isinstance(trainer, LightFMTrainer):
        return trainer
    left = max(1.0, deadline - time.monotonic())
    return replace(trainer, seconds=min(trainer.seconds, left))
