"""Deletes what is no longer needed, so that disk and database stay bounded."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from mlproject.core.cancel import Cancelled, ShouldStop, never
from mlproject.core.errors import UnavailableError
from mlproject.core.ports import ModelRegistry
from mlproject.core.runs import LoggedModel, RunInfo, VersionInfo
from mlproject.registry.gate import Outcome

log = logging.getLogger(__name__)

A_PASS: Final = 2000
"""Of each kind, the most that one pass throws away: the next goes on."""

_EVERY: Final = 1_000_000
# Few: the server answers the builder and people meanwhile.
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept.

    Parameters
    ----------
    models
        The model of a run that has no version.
    runs
        A run, its metrics and its pictures. One that is held for a person keeps its model
        as long.
    versions
        A version.
    history
        How many of the newest decisions keep their versions, whatever their age.
    """

    models: timedelta
    runs: timedelta
    versions: timedelta
    history: int


@dataclass(frozen=True, slots=True)
class Waste:
    """What is to be deleted: versions, models of runs, and runs, the oldest first."""

    versions: Sequence[VersionInfo]
    models: Sequence[LoggedModel]
    runs: Sequence[RunInfo]

    @property
    def sentence(self) -> str:
        """How much it is, for people."""
        return (
            f"{len(self.versions):,} versions, {len(self.models):,} models of runs without a "
            f"version, {len(self.runs):,} runs"
        )

    def __bool__(self) -> bool:
        return bool(self.versions or self.models or self.runs)


def find_waste(registry: ModelRegistry, keep: Keep, now: datetime, limit: int = A_PASS) -> Waste:
    """Say what is not to be kept.

    Never a version that has an alias or is named by the newest decisions, nor the run and the
    model that it was made of.

    Parameters
    ----------
    registry
        Where runs, versions and decisions are.
    keep
        How long things are kept.
    now
        The time.
    limit
        Of each kind, the most that is looked at.
    """
    named = {
        number
        for decision in registry.decisions(keep.history)
        for number in (decision.version, decision.before, decision.reference)
    }
    versions = registry.versions(_EVERY)
    old = [
        info
        for info in reversed(versions)
        if not info.aliases and info.number not in named and info.created_at < now - keep.versions
    ][:limit]
    dropped = {info.number for info in old}
    lineage = {info.run_id for info in versions if info.number not in dropped}
    held = {run.run_id for run in registry.runs_with("verdict", Outcome.HOLD, limit)}
    last = now - keep.runs
    runs = [
        run for run in registry.runs_before(last, limit + len(lineage)) if run.run_id not in lineage
    ]
    models = [
        model
        for model in registry.models_before(now - keep.models, limit + len(lineage) + len(held))
        if model.run_id not in lineage and (model.run_id not in held or model.created_at < last)
    ]
    return Waste(old, models, runs[:limit])


def throw_away(registry: ModelRegistry, waste: Waste, should_stop: ShouldStop = never) -> None:
    """Delete what is not kept, from versions to runs: so nothing names what is gone.

    Raises
    ------
    Cancelled
        If ``should_stop`` said so; the next pass goes on.
    """

    def unless_told(step: Callable[[], None]) -> None:
        if should_stop():
            raise Cancelled
        step()

    for steps in (
        [partial(registry.drop_version, version.number) for version in waste.versions],
        [partial(registry.drop_model, model) for model in waste.models],
        [partial(registry.drop_run, run) for run in waste.runs],
    ):
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(unless_told, steps):  # at an error, what has not begun is left
                pass


@dataclass(slots=True)
class Retention:
    """Deletes what is no longer kept, at intervals, beside the builds.

    Parameters
    ----------
    registry
        Where runs, versions and decisions are.
    keep
        How long things are kept.
    interval
        Time between two passes.
    free_rows
        Frees the rows of what was deleted, where that can be done from here.
    should_stop
        How to end early.
    """

    registry: ModelRegistry
    keep: Keep
    interval: timedelta
    free_rows: Callable[[], object] = lambda: None
    should_stop: ShouldStop = never
    _due: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False, repr=False)

    def look(self, now: datetime) -> Waste | None:
        """Make a pass if it is time for one, and return what was thrown away.

        A server that fails is told and tried again at the next pass: a build does not wait
        for it.
        """
        if now < self._due:
            return None
        self._due = now + self.interval
        try:
            waste = find_waste(self.registry, self.keep, now)
            throw_away(self.registry, waste, self.should_stop)
            if waste:
                log.info("deleted: %s", waste.sentence)
            self.free_rows()
        except UnavailableError as error:
            log.warning("nothing more is deleted for now: %s", error)
            return None
        return waste
