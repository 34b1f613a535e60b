"""From what is in the store to a run, and to a version if it earns it."""

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlproject.batches.progress import Totals
from mlproject.catalogue.stored import read_catalogue
from mlproject.core import columns as c
from mlproject.core.cancel import Cancelled, ShouldStop, never
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue
from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ModelRegistry, ObjectStore
from mlproject.core.preferences import history_weights
from mlproject.core.runs import VersionInfo
from mlproject.dataset.features import genre_matrix, show_features
from mlproject.dataset.matrices import interactions
from mlproject.dataset.split import SplitKind, hold_out
from mlproject.models.cache import ModelCache
from mlproject.models.files import save_model
from mlproject.pipelines.comparison import DIGEST_TAG, SPLIT_TAG, find_incumbent
from mlproject.registry.gate import Measured, Occasion, Rules, Scores, Verdict, judge
from mlproject.snapshot.ingest import ingest
from mlproject.snapshot.state import RatingsState
from mlproject.training.evaluation import Evaluation, by_model, by_popularity, evaluate
from mlproject.training.list_quality import list_quality
from mlproject.training.popularity import popular_now
from mlproject.training.trainer import Trainer, require_finite

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What there is to train on, and how it was come by.

    Parameters
    ----------
    catalogue, interactions
        The shows, and the latest rating of every user and show.
    state
        The snapshot in memory, for the next load of this process.
    totals
        What has been read since the first batch.
    waiting
        Ratings of shows that the catalogue does not know yet.
    digest
        SHA-256 of catalogue and ratings: equal data, equal digest, in any store.
    """

    catalogue: Catalogue
    interactions: Interactions
    state: RatingsState
    totals: Totals
    waiting: int
    digest: str


@dataclass(frozen=True, slots=True)
class TrainParams:
    """What a training is told beside the trainer's own settings.

    Parameters
    ----------
    seed
        Of a random holdout.
    half_life_days
        How fast popularity fades, see :func:`~mlproject.training.popularity.popular_now`.
    feature_weight
        Weight of a show's metadata against its identity.
    holdout
        Share of the ratings held out.
    split
        Whether by time or at random, or by time if the times serve.
    k
        The k of precision@k.
    rules
        Of the gate.
    """

    seed: int
    half_life_days: float
    feature_weight: float
    holdout: float
    split: SplitKind
    k: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A finished run: how it measured and what, and what became of it."""

    run_id: str
    split: str
    metrics: dict[str, float]
    verdict: Verdict
    version: VersionInfo | None


def load_dataset(store: ObjectStore, state: RatingsState | None = None) -> Dataset:
    """Read the catalogue and what is new of the ratings.

    Parameters
    ----------
    store
        Where they are.
    state
        The last dataset's, so that the snapshot need not be read again.

    Raises
    ------
    CatalogueError
        If there is no catalogue yet.
    NotEnoughDataError
        If there are no ratings of known shows yet.
    AlreadyRunningError
        If another process brought the snapshot up to date at the same time.
    """
    catalogue = read_catalogue(store)
    state, report = ingest(store, state)
    found, waiting = interactions(state.ratings, catalogue)
    if not len(found):
        raise NotEnoughDataError(
            f"no ratings of known shows in {store.uri} yet ({report.totals.batches} batches, "
            f"{waiting} ratings of unknown shows); `tvrec generate-ratings` sends some"
        )
    digest = hashlib.sha256(catalogue.frame.to_csv(index=False).encode())
    digest.update(state.digest.text.encode())
    return Dataset(catalogue, found, state, report.totals, waiting, digest.hexdigest())


def train(  # noqa: PLR0913 - the composition of a whole pipeline
    dataset: Dataset,
    registry: ModelRegistry,
    cache: ModelCache,
    trainer: Trainer,
    params: TrainParams,
    *,
    by: str,
    tags: dict[str, str],
    data_uri: str,
    promote: bool = True,
    on_epoch: Callable[[int], None] = lambda _: None,
    should_stop: ShouldStop = never,
) -> TrainResult:
    """Train, measure, log, and promote if the gate says so.

    Parameters
    ----------
    dataset
        From :func:`load_dataset`.
    registry, cache
        Where runs and versions go, and where production's model is read from.
    trainer, params
        What trains, and what else the training is told.
    by, tags
        Who trains, and what else is to be noted of the run.
    data_uri
        Where the data lies, for the run's record.
    promote
        Whether a winner is registered and promoted, or only logged.
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

    with registry.run(trainer.name) as run:
        run.params(_flat(trainer, params))
        run.tags({"trained_by": by, DIGEST_TAG: dataset.digest, **tags})
        run.dataset("ratings", dataset.digest[:36], data_uri)

        split, rule = hold_out(
            dataset.interactions, share=params.holdout, seed=params.seed, kind=params.split
        )
        run.tags({SPLIT_TAG: str(rule)})
        features = show_features(dataset.catalogue, weight=params.feature_weight)
        fitted_model = trainer.fit(split, features, after_epoch)
        require_finite(fitted_model.arrays())
        model = TrainedModel(
            shows=dataset.interactions.shows,
            model=fitted_model,
            popularity=popular_now(split, params.half_life_days),
            history_weights=history_weights(),
            cards=_cards(dataset.catalogue),
        )
        fitted = time.monotonic()

        incumbent = find_incumbent(split, dataset.digest, registry, cache)
        own = _measure(model, incumbent.measured, params.k)
        baseline = evaluate(by_popularity(model.popularity), incumbent.measured, params.k)
        production = (
            _measure(incumbent.model, incumbent.measured, params.k) if incumbent.model else None
        )
        known = incumbent.model.shows.rows(model.shows.ids) if incumbent.model else None
        verdict = judge(
            Scores(
                candidate=Measured(own.precision, own.coverage),
                popularity=Measured(baseline.precision, baseline.coverage),
                production=Measured(production.precision, production.coverage)
                if production
                else None,
                reference=None,
                cold=own.cold_user,
            ),
            Occasion(
                new_shows=0 if known is None else int((known == UNKNOWN_ROW).sum()),
                same_data=incumbent.same_data,
            ),
            params.rules,
            metric=f"precision@{params.k}",
            note=incumbent.note,
        )
        metrics = {
            **own.means(),
            **own.further_means(),
            **list_quality(own.lists, split, genre_matrix(dataset.catalogue)),
            **own.slices(),
            **_prefixed("popularity", baseline.means() | baseline.cold_users()),
            **_prefixed("production", production.means() if production else {}),
            **_counts(dataset, split),
            "fit_seconds": fitted - started,
            "duration_seconds": time.monotonic() - started,
        }
        run.metrics(metrics)
        run.tags({"verdict": verdict.outcome, "reason": verdict.reason})
        _log_model(run.model, model)

    version = None
    if verdict.promote and promote:
        version = registry.register(run.run_id)
        version = registry.promote(version.number, by=by, reason=verdict.reason)
    return TrainResult(run.run_id, str(rule), metrics, verdict, version)


def _measure(model: TrainedModel, split: Split, k: int) -> Evaluation:
    """Measure a model, of whatever shows it knows."""
    return evaluate(by_model(model, split), split, k)


def _log_model(log_folder: Callable[[Path], None], model: TrainedModel) -> None:
    with tempfile.TemporaryDirectory(prefix="tvrec-") as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        save_model(model, folder)
        log_folder(folder)


def _prefixed(whose: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{whose}_{name}": value for name, value in metrics.items()}


def _flat(trainer: Trainer, params: TrainParams) -> dict[str, Any]:
    values = asdict(params)
    return {"trainer": trainer.name, **asdict(trainer), **values.pop("rules"), **values}


def _counts(dataset: Dataset, split: Split) -> dict[str, float]:
    return {
        "ratings": len(dataset.interactions),
        "ratings_held_out": int(split.held_out.sum()),
        "users": len(dataset.interactions.users),
        "shows": len(dataset.interactions.shows),
        "ratings_of_unknown_shows": dataset.waiting,
        "events": dataset.totals.events,
        "events_superseded": dataset.totals.events - len(dataset.state),
        "events_rejected": dataset.totals.rejected,
        "batches_unreadable": dataset.totals.unreadable,
    }


def _cards(catalogue: Catalogue) -> tuple[dict[str, Any], ...]:
    """Return what the service tells of each show, without what is not known."""
    frame = catalogue.frame.drop(columns=c.POPULARITY)
    cards = []
    for row in frame.astype("object").where(frame.notna(), None).to_dict("records"):
        genres = [genre for genre in row.pop(c.GENRES).split(GENRE_SEPARATOR) if genre]
        card = {c.SHOW_ID: row.pop(c.SHOW_ID), c.TITLE: row.pop(c.TITLE), c.GENRES: genres}
        cards.append(card | {str(name): value for name, value in row.items() if value})
    return tuple(cards)
