"""The model builder: a training whenever there is something new."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from mlproject.core.cancel import ShouldStop, cut_short, never
from mlproject.core.ports import ModelRegistry, ObjectStore
from mlproject.core.spans import Span, unseen
from mlproject.dataset.drift import drift
from mlproject.logs import noting
from mlproject.models.cache import ModelCache
from mlproject.pipelines.cycle import Cycle, Trained
from mlproject.pipelines.dataset import Dataset, load_dataset
from mlproject.pipelines.decide import current_standing, settle
from mlproject.pipelines.incumbents import DIGEST_TAG, read_version
from mlproject.pipelines.prequential import Online, arrived, foreseen
from mlproject.pipelines.starts import Starts
from mlproject.pipelines.train import TrainParams, TrainResult, train
from mlproject.snapshot.state import RatingsState
from mlproject.snapshot.switch import current
from mlproject.training.trainer import Trainer

log = logging.getLogger(__name__)

BUILDER: Final = "model-builder"
"""Who trained, as the runs and versions of the builder say."""

OnEpoch = Callable[[int], None]
Competitors = Mapping[str, Sequence[Trainer]]
Load = Callable[[], AbstractContextManager[tuple[Dataset, Competitors]]]


def _silent(_: Trainer) -> AbstractContextManager[OnEpoch]:
    return nullcontext(lambda _: None)


@dataclass(slots=True)
class Builder:
    """Trains on the ratings in the store, and remembers which it has trained on.

    Parameters
    ----------
    store
        Where the data lies.
    registry, cache
        Where runs and versions go, and where production's model is read from.
    competitors
        What trains in each cycle, by the alias that its models compete for.
    params
        What else a training is told.
    tags
        What else is noted of each run.
    min_known
        Share of the ratings whose show the catalogue must know.
    show_progress
        Entered for each training with its trainer; gives what is called with the number of
        epochs done.
    should_stop
        How to end a training early.
    on_cycle
        Called at the end of each cycle.
    cold_every
        Every so many fits, one is from nothing; the others go on from the last, where the
        trainer can.
    load
        Loads the dataset of a cycle, and makes what trains on it, elsewhere than here: on
        Spark. It is left at the end of the cycle.
    span
        Entered for each cycle and each of its stages, with its name and
        what else there is to tell of it.
    """

    store: ObjectStore
    registry: ModelRegistry
    cache: ModelCache
    competitors: Competitors
    params: TrainParams
    tags: Mapping[str, str] = field(default_factory=dict)
    min_known: float = 0.0
    show_progress: Callable[[Trainer], AbstractContextManager[OnEpoch]] = _silent
    should_stop: ShouldStop = never
    on_cycle: Callable[[Cycle], object] = lambda _: None
    cold_every: int = 1
    load: Load | None = None
    span: Span = unseen
    _starts: Starts = field(init=False, repr=False)
    _dataset: Dataset | None = field(default=None, init=False, repr=False)
    _before: RatingsState | None = field(default=None, init=False, repr=False)
    _loaded_at: datetime | None = field(default=None, init=False, repr=False)
    _built: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin without a start."""
        self._starts = Starts(self.cold_every)

    def build(self) -> list[TrainResult]:
        """Train if there is something new since the last completed build.

        Returns
        -------
        list of TrainResult
            One for each trainer; none if there is nothing new.

        Raises
        ------
        Cancelled
            If ``should_stop`` said so.
        TvrecError
            As :func:`~mlproject.pipelines.dataset.load_dataset` and
            :func:`~mlproject.pipelines.train.train` raise it; the next build tries again.
        """
        cycle_id = uuid4().hex[:8]
        with noting(cycle=cycle_id), self.span("cycle", {"tvrec.cycle": cycle_id}) as tell:
            cycle = self._cycle(cycle_id)
            # As its runs have them, so that an event is found in its cycle.
            tell({f"tvrec.{name}": value for name, value in cycle.dataset.position.items()})
            log.info("%s", cycle.sentence, extra=cycle.fields())
            self.on_cycle(cycle)
        return [trained.result for trained in cycle.trained]

    def _cycle(self, cycle_id: str) -> Cycle:
        self.registry.ping()
        # Of a builder that was killed, or of a build in which MLflow went away.
        if abandoned := self.registry.end_abandoned(BUILDER):
            log.warning("ended %d runs that were left open", abandoned)
        for mended in settle(self.registry):
            log.warning("%s", mended)
        started = time.monotonic()
        with ExitStack() as held:
            with self.span("load"), cut_short(self.should_stop):
                dataset, competitors = held.enter_context((self.load or self._load_here)())
            return self._trained(cycle_id, dataset, competitors, started)

    @contextmanager
    def _load_here(self) -> Iterator[tuple[Dataset, Competitors]]:
        if self._before is None:
            self._before = current(self.store)[1]
        yield load_dataset(self.store, self._before, min_known=self.min_known), self.competitors

    def _trained(
        self, cycle_id: str, dataset: Dataset, competitors: Competitors, started: float
    ) -> Cycle:
        loaded = time.monotonic()
        with self.span("drift"):
            found = drift(dataset.interactions)
        looked = time.monotonic()
        with self.span("foresee"):
            before = dataset.state if self._before is None else self._before
            online = self._foreseen(dataset, before)
        self._dataset, self._loaded_at = dataset, datetime.now(UTC)
        self._before = dataset.state
        seconds = {
            "load": loaded - started,
            "drift": looked - loaded,
            "foresee": time.monotonic() - looked,
        }
        trained = []
        if dataset.digest != self._built:
            tags = {**self.tags, "cycle": cycle_id}
            trained = [
                Trained(trainer.name, self._train(dataset, trainer, alias, tags, online))
                for alias, trainers in competitors.items()
                for trainer in trainers
            ]
            self._built = dataset.digest
        return Cycle(
            cycle_id,
            self.params.k,
            dataset,
            seconds,
            found,
            trained,
            self.registry.production(),
            current_standing(self.registry).hold(datetime.now(UTC)),
            online,
        )

    def _foreseen(self, dataset: Dataset, before: RatingsState) -> Online | None:
        """Measure production on the ratings that it cannot have learned yet, and log the result."""
        version = self.registry.production()
        if version is None:
            return None
        incumbent = read_version(version, self.registry, self.cache)
        if isinstance(incumbent, str):
            log.warning("version %d in production %s", version.number, incumbent)
            return None
        if self._dataset and self._loaded_at:
            known = incumbent.run.tags.get(DIGEST_TAG) == self._dataset.digest
            if not known and incumbent.run.started_at >= self._loaded_at:
                return None  # somebody else has trained it, on some of what is new here
        new = arrived(dataset.interactions, before.ratings.standing())
        served = self.cache.load(version)
        online = foreseen(
            dataset.interactions,
            new,
            served,
            incumbent.model,
            version=version.number,
            k=self.params.k,
        )
        if online is not None:
            log.info("%s", online.sentence, extra=online.fields())
            for alarm in online.alarms:
                log.warning("%s", alarm)
        return online

    def _train(
        self,
        dataset: Dataset,
        trainer: Trainer,
        alias: str,
        tags: Mapping[str, str],
        online: Online | None,
    ) -> TrainResult:
        told = {"tvrec.trainer": trainer.name}
        with self.span("train", told) as tell, self.show_progress(trainer) as on_epoch:
            result = train(
                dataset,
                self.registry,
                self.cache,
                trainer,
                self.params,
                by=BUILDER,
                tags=tags,
                data_uri=self.store.uri,
                online=online.metrics() if online else None,
                alias=alias,
                starts=self._starts,
                on_epoch=on_epoch,
                should_stop=self.should_stop,
            )
            tell({"tvrec.run_id": result.run_id, "tvrec.outcome": result.verdict.outcome.value})
            return result
