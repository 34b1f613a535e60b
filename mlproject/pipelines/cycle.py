"""The result of a cycle of the builder, told in one line of the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mlproject.core.aliases import PRODUCTION
from mlproject.core.decisions import Decision
from mlproject.core.runs import VersionInfo
from mlproject.dataset.drift import Drift
from mlproject.pipelines.dataset import Dataset
from mlproject.pipelines.prequential import Online
from mlproject.pipelines.train import TrainResult
from mlproject.registry.gate import Outcome

_NO_VERSION: Final = {
    Outcome.PROMOTE: "not promoted",
    Outcome.KEEP: "kept",
    Outcome.HOLD: "held",
}


@dataclass(frozen=True, slots=True)
class Trained:
    """One training of a cycle.

    Parameters
    ----------
    trainer
        Its name.
    result
        Its result.
    """

    trainer: str
    result: TrainResult

    @property
    def outcome(self) -> str:
        """What became of the run, in a few words."""
        version, alias = self.result.version, self.result.alias
        if self.result.held and self.result.verdict.promote:
            return f"kept, since production is {self.result.held.hold}"
        if version is None:
            return _NO_VERSION[self.result.verdict.outcome]
        place = "in production" if alias == PRODUCTION else f"the {alias}"
        return f"version {version.number} is {place}"


@dataclass(frozen=True, slots=True)
class Cycle:
    """A completed cycle.

    Parameters
    ----------
    cycle_id
        On each of its log lines, and a tag of each of its runs.
    k
        The k of precision@k.
    dataset
        What there was to train on.
    seconds
        What each stage took, but for the trainings.
    drift
        None if the times do not tell.
    trained
        In the order of the trainings; empty if there was nothing new.
    production
        What is in production after it.
    hold
        The decision by which a person holds it; None if nobody does.
    online
        How production has foreseen what had arrived since the cycle before; None if that cannot
        be told.
    """

    cycle_id: str
    k: int
    dataset: Dataset
    seconds: Mapping[str, float]
    drift: Drift | None = None
    trained: Sequence[Trained] = field(default_factory=tuple)
    production: VersionInfo | None = None
    hold: Decision | None = None
    online: Online | None = None

    @property
    def sentence(self) -> str:
        """The whole story, for people."""
        data, read = self.dataset, self.dataset.ingested.read
        made = (
            f"{read.events:,} new events make {len(data.interactions):,} ratings by "
            f"{len(data.interactions.users):,} users of {len(data.catalogue):,} shows "
            f"(snapshot {data.ingested.generation}; the catalogue knows {data.known_share:.1%})"
        )
        parts = [made]
        if read.unreadable or read.rejected:
            parts.append(f"set aside {read.unreadable} batches and {read.rejected} rows")
        parts += [self._told(trained) for trained in self.trained]
        if not self.trained:
            parts.append("nothing new to train on")
        return f"cycle {self.cycle_id}: {'; '.join(parts)}"

    def fields(self) -> dict[str, Any]:
        """Return the same for programs, as fields of the log line."""
        data, read = self.dataset, self.dataset.ingested.read
        return {
            "cycle": self.cycle_id,
            "snapshot": data.ingested.generation,
            "events_new": read.events,
            "rows_rejected": read.rejected,
            "batches_unreadable": read.unreadable,
            "ratings": len(data.interactions),
            "users": len(data.interactions.users),
            "shows": len(data.catalogue),
            "seconds": {stage: round(spent, 3) for stage, spent in self.seconds.items()},
            "production": self.production.number if self.production else None,
            "hold": self.hold.hold if self.hold else "",
            "runs": [
                {
                    "trainer": trained.trainer,
                    "run_id": trained.result.run_id,
                    "outcome": trained.outcome,
                    "cause": trained.result.verdict.cause,
                    "reason": trained.result.verdict.reason,
                    "precision": trained.result.metrics[f"precision_at_{self.k}"],
                    "seconds": round(trained.result.metrics["duration_seconds"], 3),
                }
                for trained in self.trained
            ],
        }

    def _told(self, trained: Trained) -> str:
        result = trained.result
        return (
            f"{trained.trainer} run {result.run_id[:8]} took "
            f"{result.metrics['duration_seconds']:.0f} s: {trained.outcome} "
            f"({result.verdict.reason})"
        )
