"""What was decided about production, and what follows from it.

Decisions are a journal: each is added once and never changed. What is in production, the
way back and whether it is held follow from the journal alone, so the aliases are written
from it, as often as needed, and no two writers can lose each other's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
"""The end of a hold that lasts until a person releases production."""


class Action(StrEnum):
    """What was decided."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RELEASE = "release"
    """A hold ends; production stays."""
    FOUND = "found"
    """Somebody has moved the alias in MLflow itself."""


class Outcome(StrEnum):
    """How far a decision has been carried out."""

    OPEN = "open"
    DONE = "done"
    VOID = "void"
    """The builder decided it while a person held production, so it does not count."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the journal.

    Parameters
    ----------
    at
        When, UTC. The journal is read in this order.
    action
        What was decided.
    version
        What is in production by it; 0 if that stays as it is.
    before
        What was in production when it was decided; 0 if nothing was.
    by, reason
        Who, and why.
    by_hand
        Whether by a person.
    held_until
        Until when nobody but a person may decide again; None = production is not held.
    reference
        The version that becomes the reference too; 0 if none does.
    decision_id
        Given by the journal.
    outcome
        How far it has been carried out.
    """

    at: datetime
    action: Action
    version: int
    before: int
    by: str
    reason: str
    by_hand: bool = False
    held_until: datetime | None = None
    reference: int = 0
    decision_id: str = ""
    outcome: Outcome = Outcome.OPEN

    def holds(self, at: datetime) -> bool:
        """Tell whether production is held by this at a time."""
        return self.held_until is not None and at < self.held_until

    @property
    def hold(self) -> str:
        """How production is held by this, "" if it is not.

        Examples
        --------
        >>> noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
        >>> Decision(noon, Action.ROLLBACK, 1, 2, "ann", "odd", held_until=FOREVER).hold
        'held by ann since 2026-11-28 12:00 UTC until it is released (odd)'
        """
        if self.held_until is None:
            return ""
        end = self.held_until
        until = "it is released" if end == FOREVER else f"{end:%Y-%m-%d %H:%M} UTC"
        return f"held by {self.by} since {self.at:%Y-%m-%d %H:%M} UTC until {until} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Standing:
    """What follows from the journal.

    Parameters
    ----------
    production
        The version in production, 0 if none is.
    way_back
        What was in production before and was not rolled back, the latest last.
    reference
        The version that is the reference, 0 if the journal does not say.
    put_by
        The decision that put production there.
    held_by
        The last decision that holds production, whether or not its time is over.
    void
        Ids of the decisions that count for nothing: see :attr:`Outcome.VOID`.
    """

    production: int = 0
    way_back: tuple[int, ...] = ()
    reference: int = 0
    put_by: Decision | None = None
    held_by: Decision | None = None
    void: frozenset[str] = frozenset()

    def hold(self, now: datetime) -> Decision | None:
        """Return the decision that holds production now, None if none does."""
        return self.held_by if self.held_by and self.held_by.holds(now) else None


def standing(decisions: Iterable[Decision]) -> Standing:
    """Say what follows from the journal.

    A promotion is added to the way back, a rollback shortens it: so the second one in a row
    goes further back, and what was rolled back is not gone back to. A reference that was
    rolled back is none.

    Parameters
    ----------
    decisions
        The journal or the end of it, the oldest first. The oldest says what was in
        production before.
    """
    line: list[tuple[int, int]] = []  # versions, and the reference since each
    put_by = held_by = None
    void = set()
    for decision in decisions:
        if held_by and not decision.by_hand and held_by.holds(decision.at):
            void.add(decision.decision_id)
            continue
        if not line and decision.before:
            line.append((decision.before, 0))
        if decision.version and (not line or line[-1][0] != decision.version):
            line = _moved(line, decision)
            put_by = decision
        held_by = decision if decision.held_until else None
    return Standing(
        production=line[-1][0] if line else 0,
        way_back=tuple(version for version, _ in line[:-1]),
        reference=line[-1][1] if line else 0,
        put_by=put_by,
        held_by=held_by,
        void=frozenset(void),
    )


def _moved(line: list[tuple[int, int]], decision: Decision) -> list[tuple[int, int]]:
    if decision.action is Action.ROLLBACK:
        places = [place for place, (version, _) in enumerate(line) if version == decision.version]
        if places:
            return line[: places[-1] + 1]
    reference = decision.reference or (line[-1][1] if line else 0)
    return [*line, (decision.version, reference)]
