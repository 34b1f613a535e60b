"""From a dataset to a run, and to a version if the model passes the gate."""

import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlproject.core.aliases import CHALLENGER, PRODUCTION, REFERENCE
from mlproject.core.cancel import Cancelled, ShouldStop, cut_short, never
from mlproject.core.decisions import Decision
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ModelRegistry
from mlproject.core.runs import AS_MEASURED, SERVED_TAG, VersionInfo
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import SplitKind, hold_out
from mlproject.models.cache import ModelCache
from mlproject.models.files import MEASURED
from mlproject.pipelines.dataset import Dataset
from mlproject.pipelines.decide import current_standing, put_into_production
from mlproject.pipelines.describing import note, run_name, spent
from mlproject.pipelines.incumbents import DIGEST_TAG, SPLIT_TAG, Incumbents, find_incumbents
from mlproject.pipelines.making import Maker
from mlproject.pipelines.measuring import draw, measure
from mlproject.pipelines.model_card import model_card
from mlproject.pipelines.starts import Starts
from mlproject.pipelines.vetting import findings
from mlproject.registry.gate import (
    Occasion,
    Outcome,
    Rules,
    Verdict,
    judge,
    looks_at,
    looks_tag,
    recipe_id,
)
from mlproject.training.trainer import Trainer
from mlproject.training.validation import choose_half_life

log = logging.getLogger(__name__)

KIND_TAG: Final = "kind"
DECISION_TAG: Final = "decision"
# Differ from fit to fit of one recipe.
_NO_RECIPE: Final = ("seed", "threads")


@dataclass(frozen=True, slots=True)
class TrainParams:
    """The parameters of a training besides the trainer's own settings.

    Parameters
    ----------
    seed
        Of a random holdout.
    half_life_days
        How fast popularity fades, see :func:`~mlproject.training.popularity.popular_now`;
        None: as a slice of the training part says.
    holdout
        Share of the ratings held out.
    split
        Whether by time or at random, or by time if the times serve.
    k
        The k of precision@k.
    rules
        Of the gate.
    refit
        Whether what passes the gate is fitted once more, on everything, to be served.
    """

    seed: int
    half_life_days: float | None
    holdout: float
    split: SplitKind
    k: int
    rules: Rules
    refit: bool = True


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A finished run: how it measured and what, and what became of it.

    Parameters
    ----------
    alias
        The alias that the candidate wanted.
    version
        The version that has it now; None if the candidate does not.
    held
        The decision by which a person holds production, if one does.
    """

    run_id: str
    split: str
    metrics: dict[str, float]
    verdict: Verdict
    alias: str
    version: VersionInfo | None
    held: Decision | None = None


def train(  # noqa: PLR0913 - the composition of a whole pipeline
    dataset: Dataset,
    registry: ModelRegistry,
    cache: ModelCache,
    trainer: Trainer,
    params: TrainParams,
    *,
    by: str,
    tags: Mapping[str, str],
    data_uri: str,
    online: Mapping[str, float] | None = None,
    alias: str = PRODUCTION,
    promote: bool = True,
    starts: Starts | None = None,
    on_epoch: Callable[[int], None] = lambda _: None,
    should_stop: ShouldStop = never,
) -> TrainResult:
    """Train, measure, log, and give the version its alias if the gate says so.

    Parameters
    ----------
    dataset
        From :func:`~mlproject.pipelines.dataset.load_dataset`.
    registry, cache
        Where runs and versions go, and where the models of versions are read from.
    trainer, params
        What trains, and what else the training is told.
    by, tags
        Who trains, and what else is to be noted of the run.
    data_uri
        Where the data lies, for the run's record.
    online
        Metrics of what arrived before this training, see
        :mod:`mlproject.pipelines.prequential`.
    alias
        ``production``, or ``challenger`` for what may not go into production by itself.
    promote
        Whether a winner gets its alias, or is only logged.
    starts
        What earlier fits have left, to go on from and to add to; None: the fit is from nothing.
    on_epoch, should_stop
        Progress, and how to end early.

    Raises
    ------
    Cancelled
        If ``should_stop`` said so; the run ends as killed.
    NotEnoughDataError, TrainingError, TrackingUnavailableError
        As the steps raise them.
    """
    started = time.monotonic()

    def after_epoch(epoch: int) -> None:
        on_epoch(epoch)
        if should_stop():
            raise Cancelled

    began, used = datetime.now(UTC), spent()["cpu_seconds"]
    whole, rule = hold_out(
        dataset.interactions, share=params.holdout, seed=params.seed, kind=params.split
    )
    begun = (starts or Starts(1)).begin(trainer, whole)
    split = begun.split
    name = run_name(trainer.name, begun.how, dataset, began)
    with (
        registry.run(name) as run,
        cut_short(should_stop),
        tempfile.TemporaryDirectory(prefix="tvrec-") as made,
    ):
        run.params({"trainer": trainer.name, **asdict(trainer), **_flat(params)})
        run.tags({"trained_by": by, DIGEST_TAG: dataset.digest, **dataset.position, **tags})
        run.dataset("ratings", dataset.digest[:36], data_uri)

        run.tags({SPLIT_TAG: str(rule), **begun.tags()})
        half_life = params.half_life_days or choose_half_life(split, params.seed)
        maker = Maker(trainer, dataset, show_metadata(dataset.catalogue), half_life, after_epoch)
        files = Path(made) / MEASURED
        fitted, model = maker.measured(split, files, begun.start)
        if starts is not None:
            starts.leave(trainer, run.run_id, fitted)
        fit_seconds = time.monotonic() - started
        run.tags({KIND_TAG: model.model.kind})

        incumbents = find_incumbents(split, dataset.digest, registry, cache, alias)
        measured = measure(model, incumbents, params.k)
        everyone = (
            measure(model, incumbents, params.k, dataset.evaluate) if dataset.evaluate else measured
        )
        recipe = recipe_id(_recipe(trainer, params))
        verdict = judge(
            everyone.scores(),
            _occasion(model, incumbents, recipe),
            _rules(params.rules, model, incumbents),
            findings=findings(model, split, params.k),
            metric=f"precision@{params.k}",
            note=incumbents.note,
        )
        served = AS_MEASURED
        if params.refit and verdict.outcome is not Outcome.KEEP:
            files, served = maker.served(split, fitted, files, params.k)
        metrics = {
            **measured.metrics(dataset, split),
            **everyone.means(),
            **(online or {}),
            "epochs_kept": fitted.kept,
            "half_life_days": half_life,
            **{f"chosen_{name}": value for name, value in fitted.found.items()},
            "fit_seconds": fit_seconds,
            "duration_seconds": time.monotonic() - started,
            "cpu_seconds": spent()["cpu_seconds"] - used,
            "peak_memory_mb": spent()["peak_memory_mb"],
        }
        # First, so that the metrics are the model's too.
        run.model(files)
        run.metrics(metrics)
        held = _hold(registry) if alias == PRODUCTION else None
        decision = _decision(verdict, held, promote=promote)
        run.tags(
            {
                "verdict": verdict.outcome,
                "reason": verdict.reason,
                DECISION_TAG: decision,
                "parent": str(incumbents.production.version.number)
                if incumbents.production
                else "",
                SERVED_TAG: served,
            }
        )
        card = model_card(
            note(
                run.run_id,
                dataset,
                incumbents,
                verdict,
                decision=decision,
                metrics=metrics,
                k=params.k,
            ),
            run_id=run.run_id,
            kind=model.model.kind,
            split=str(rule),
            metrics=metrics,
            k=params.k,
        )
        run.note(card)  # which becomes the version's description too
        run.text("model_card.md", card)
        draw(Path(made) / "plots", fitted, model, measured, split)
        run.artifacts(Path(made) / "plots")

    _count_look(registry, incumbents, recipe)
    version = None
    if verdict.promote and promote and held is None:
        version = _given(alias, run.run_id, registry, verdict, by=by)
        if version is None:
            held = _overruled(registry, run.run_id, decision, card)
    return TrainResult(run.run_id, str(rule), metrics, verdict, alias, version, held)


def _occasion(model: TrainedModel, incumbents: Incumbents, recipe: str) -> Occasion:
    production = incumbents.production
    if production is None:
        return Occasion()
    known = production.model.shows.rows(model.shows.ids)
    return Occasion(
        looks=looks_at(production.version.tags, recipe),
        new_shows=int((known == UNKNOWN_ROW).sum()),
        age=max(datetime.now(UTC) - production.run.started_at, timedelta(0)),
        same_data=incumbents.same_data,
    )


def _rules(rules: Rules, model: TrainedModel, incumbents: Incumbents) -> Rules:
    """Expect a jump where one kind of model takes the place of another."""
    production = incumbents.production
    if production is None or production.model.model.kind == model.model.kind:
        return rules
    return replace(rules, leak=np.inf)


def _given(
    alias: str, run_id: str, registry: ModelRegistry, verdict: Verdict, *, by: str
) -> VersionInfo | None:
    """Make the run's model a version, and point its alias at it; None if a person holds it now."""
    if alias == PRODUCTION and _hold(registry) is not None:
        return None
    version = registry.register(run_id)
    if alias == CHALLENGER:
        registry.tag(version.number, {"challenges_by": by, "reason": verdict.reason})
        registry.point(CHALLENGER, version.number)
        return registry.version(version.number)
    before = registry.production()
    reference = version.number if verdict.becomes_reference else 0
    if not reference and before is not None and registry.aliased(REFERENCE) is None:
        reference = before.number
    return put_into_production(
        registry, version.number, by=by, reason=verdict.reason, reference=reference
    )


def _count_look(registry: ModelRegistry, incumbents: Incumbents, recipe: str) -> None:
    if incumbents.production is not None:
        rival = incumbents.production.version
        looks = looks_at(rival.tags, recipe) + 1
        registry.tag(rival.number, {looks_tag(recipe): str(looks)})


def _overruled(registry: ModelRegistry, run_id: str, decision: str, card: str) -> Decision | None:
    """Let a run say that a person has decided at its very end; return what holds production."""
    held = _hold(registry)
    now = f"kept: production is {held.hold}" if held else "kept: a person has decided meanwhile"
    registry.amend(run_id, {DECISION_TAG: now}, card.replace(decision, now, 1))
    return held


def _hold(registry: ModelRegistry) -> Decision | None:
    return current_standing(registry).hold(datetime.now(UTC))


def _decision(verdict: Verdict, held: Decision | None, *, promote: bool) -> str:
    """Return the decision in a few words, for the tag of the run."""
    if not verdict.promote:
        return "held" if verdict.outcome is Outcome.HOLD else "kept"
    if held is not None:
        return f"kept: production is {held.hold}"
    return "promoted" if promote else "kept, as asked"


def _recipe(trainer: Trainer, params: TrainParams) -> dict[str, Any]:
    """Name what all fits of one recipe have in common."""
    values = {"trainer": trainer.name, **asdict(trainer)}
    values |= {"half_life_days": params.half_life_days}
    return {name: value for name, value in values.items() if name not in _NO_RECIPE}


def _flat(params: TrainParams) -> dict[str, Any]:
    fields = asdict(params)
    del fields["rules"]
    return {**fields, **asdict(params.rules)}
