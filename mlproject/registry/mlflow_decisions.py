"""The journal of decisions in MLflow: each is a run of an experiment of its own.

A run is created with all its tags in one step, under an id of its own, so that writers at
the same time add to each other and none gets lost; it is there when versions are deleted or
promoted again; and MLflow's page shows it. A run that is open is a decision that is still
being carried out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from mlproject.core.decisions import FOREVER, Action, Decision, Outcome
from mlproject.registry.mlflow_server import NOTE, MlflowServer, milliseconds, pairs, tag_list

_OUTCOMES: Final = {"FINISHED": Outcome.DONE, "KILLED": Outcome.VOID, "FAILED": Outcome.VOID}
_STATUSES: Final = {Outcome.DONE: "FINISHED", Outcome.VOID: "KILLED"}
# Few enough to read before most requests: MLflow takes a millisecond for each.
_NEWS: Final = 10
_RELEASED: Final = "until released"
_TAGS: Final = {
    "mlflow.experimentKind": "custom_model_development",
    NOTE: "Who put which version into production, when and why: `tvrec history`. Add nothing and "
    "delete nothing here: it is read by `tvrec`.",
}


@dataclass(slots=True)
class _Read:
    """The newest decisions that were read before, at most ``limit``, the oldest first."""

    decisions: Sequence[Decision] = ()
    limit: int = 0

    def continued(self, news: Sequence[Decision]) -> list[Decision] | None:
        """Return these with what is new; None if they cannot tell what is before the news.

        What is concluded never changes, so only that is taken from here.
        """
        ids = [one.decision_id for one in self.decisions]
        if not news or news[0].decision_id not in ids:
            return None
        before = self.decisions[: ids.index(news[0].decision_id)]
        if any(one.outcome is Outcome.OPEN for one in before):
            return None
        return [*before, *news]


@dataclass(frozen=True, kw_only=True)
class MlflowDecisions(MlflowServer):
    """The decisions about the versions of one experiment.

    Parameters
    ----------
    uri
        The server's address.
    experiment
        Name of the experiment that holds the trainings; the decisions have one beside it.
    """

    experiment: str
    _read: _Read = field(default_factory=_Read, init=False, repr=False, compare=False)

    @property
    def journal(self) -> str:
        """Name of the experiment that holds the decisions."""
        return f"{self.experiment} decisions"

    def decisions(self, limit: int) -> Sequence[Decision]:
        """Return the newest decisions, the oldest first.

        Of those that this process has read before, only the newest are read again.
        """
        known = None
        if _NEWS < limit <= self._read.limit:
            known = self._read.continued(self._newest(_NEWS))
        found = self._newest(limit) if known is None else known[-limit:]
        if limit >= self._read.limit:
            self._read.decisions, self._read.limit = found, limit
        return found

    def _newest(self, limit: int) -> list[Decision]:
        order = ("attributes.start_time DESC", "attributes.run_id DESC")
        found = self.search(self.journal, order=order, limit=limit)
        return [_decision(run) for run in reversed(found)]

    def note(self, decision: Decision) -> Decision:
        """Add a decision in one step; return it with its id."""
        place = self.find_experiment(self.journal)
        made = self.ask(
            "POST",
            "runs/create",
            {
                "experiment_id": place["experiment_id"]
                if place
                else self.make_experiment(self.journal, _TAGS),
                "start_time": milliseconds(decision.at),
                "run_name": _name(decision),
                "tags": tag_list(_tags(decision)),
            },
        )
        return replace(decision, decision_id=made["run"]["info"]["run_id"], outcome=Outcome.OPEN)

    def conclude(self, decision: Decision) -> None:
        """Note how far a decision has been carried out: its ``outcome``."""
        self.end(decision.decision_id, _STATUSES[decision.outcome])


def _name(decision: Decision) -> str:
    what = f" version {decision.version}" if decision.version else ""
    return f"{decision.at:%m-%d %H:%M} {decision.action}{what}"


def _tags(decision: Decision) -> dict[str, str]:
    held = decision.held_until
    hold = "" if held is None else _RELEASED if held == FOREVER else held.isoformat()
    others = decision.before not in {0, decision.version}
    before = f", in place of version {decision.before}" if others else ""
    sentences = [
        f"**{decision.action}** by {decision.by}"
        + (f": version {decision.version}{before}" if decision.version else ""),
        decision.reason,
        f"Production is held {hold if hold == _RELEASED else f'until {hold}'}." if hold else "",
    ]
    return {
        "action": decision.action,
        "version": str(decision.version or ""),
        "before": str(decision.before or ""),
        "by": decision.by,
        "by_hand": str(decision.by_hand).lower(),
        "reason": decision.reason,
        "held": hold,
        "reference": str(decision.reference or ""),
        "mlflow.user": decision.by,
        "mlflow.source.name": "tvrec",
        NOTE: "\n\n".join(filter(None, sentences)),
    }


def _decision(run: Mapping[str, Any]) -> Decision:
    info, tags = run["info"], pairs(run["data"].get("tags", ()))
    held = tags.get("held", "")
    return Decision(
        at=datetime.fromtimestamp(int(info["start_time"]) / 1000, UTC),
        action=Action(tags.get("action", Action.FOUND)),
        version=int(tags.get("version") or 0),
        before=int(tags.get("before") or 0),
        by=tags.get("by", ""),
        reason=tags.get("reason", ""),
        by_hand=tags.get("by_hand") == "true",
        held_until=FOREVER if held == _RELEASED else datetime.fromisoformat(held) if held else None,
        reference=int(tags.get("reference") or 0),
        decision_id=info["run_id"],
        outcome=_OUTCOMES.get(info["status"], Outcome.OPEN),
    )
