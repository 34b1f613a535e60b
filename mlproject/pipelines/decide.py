"""Decisions about production, and how they are carried out.

A decision is first recorded in the journal, in one step. Then tags and aliases are written as the
journal implies, as often as needed and by any writer. So after a kill between two steps the next
process completes the work from the journal, and of two concurrent decisions the later one stands.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from mlproject.core.aliases import PREVIOUS, PRODUCTION, REFERENCE
from mlproject.core.decisions import FOREVER, Action, Decision, Outcome, Standing, standing
from mlproject.core.errors import DecisionError, VersionNotFoundError
from mlproject.core.ports import Production
from mlproject.core.runs import VersionInfo

log = logging.getLogger(__name__)

WINDOW: Final = 100
"""The newest decisions, from which the rest follows: rollbacks go no further."""

# Whoever has not concluded a decision for so long was killed.
_PATIENCE: Final = timedelta(minutes=1)
_TICK: Final = timedelta(milliseconds=1)


def put_into_production(
    registry: Production,
    number: int,
    *,
    by: str,
    reason: str,
    held_until: datetime | None = None,
    reference: int = 0,
) -> VersionInfo | None:
    """Put a version into production.

    Parameters
    ----------
    registry
        Where versions and decisions are.
    number
        The version's.
    by, reason
        Who, and why.
    held_until
        A person holds what they promote: until when. None = it is the builder that promotes.
    reference
        The version that becomes the reference too, 0 if none does.

    Returns
    -------
    VersionInfo or None
        The version; None if the builder promotes and a person holds production.

    Raises
    ------
    VersionNotFoundError
        If there is no such version.
    """
    registry.version(number)
    decision = Decision(
        at=_now(),
        action=Action.PROMOTE,
        version=number,
        before=_number(registry.production()),
        by=by,
        reason=reason,
        by_hand=held_until is not None,
        held_until=held_until,
        reference=reference,
    )
    noted = _decide(registry, decision)
    return registry.version(number) if noted.outcome is Outcome.DONE else None


def roll_back(
    registry: Production, *, by: str, reason: str, held_until: datetime = FOREVER
) -> VersionInfo:
    """Go back to the previous version in production; each further call goes one further back.

    Raises
    ------
    DecisionError
        If there is nothing to go back to.
    """
    settle(registry)
    begun = [
        one
        for one in registry.decisions(WINDOW)
        if one.outcome is Outcome.OPEN and one.action is Action.ROLLBACK
    ]
    if begun:  # by somebody who was interrupted, or at this moment: that was meant, not two steps
        _carry_out(registry, begun)
        return registry.version(begun[-1].version)
    current = current_standing(registry)
    target = next(iter(_there(registry, reversed(current.way_back))), None)
    if target is None:
        raise DecisionError(
            "there is no version to go back to: `tvrec history` shows what was in production, "
            "`tvrec versions` what there is"
        )
    decision = Decision(
        at=_now(),
        action=Action.ROLLBACK,
        version=target,
        before=current.production,
        by=by,
        reason=reason,
        by_hand=True,
        held_until=held_until,
    )
    _decide(registry, decision)
    return registry.version(target)


def release(registry: Production, *, by: str, reason: str) -> bool:
    """Let the builder replace production again; return whether it was held."""
    settle(registry)
    current = current_standing(registry)
    if current.hold(_now()) is None:
        return False
    decision = Decision(
        at=_now(),
        action=Action.RELEASE,
        version=0,
        before=current.production,
        by=by,
        reason=reason,
        by_hand=True,
    )
    _decide(registry, decision)
    return True


def current_standing(registry: Production) -> Standing:
    """Return what follows from the journal, and from an alias that was moved without it."""
    found = standing(registry.decisions(WINDOW))
    if found.production:
        return found
    return replace(found, production=_number(registry.production()))


def settle(registry: Production, *, patience: timedelta = _PATIENCE) -> list[str]:
    """Carry out what was decided and is not done, since who decided it was killed.

    An alias that somebody has moved in MLflow itself, while nothing was being carried out, is
    a person's decision too: it is noted, and holds production.

    Parameters
    ----------
    registry
        Where versions and decisions are.
    patience
        How old a decision must be for its writer to be dead.

    Returns
    -------
    list of str
        A sentence for each thing that was mended.
    """
    decisions = registry.decisions(WINDOW)
    open_ones = [one for one in decisions if one.outcome is Outcome.OPEN]
    found, production = standing(decisions), _number(registry.production())
    if open_ones:
        late = [one for one in open_ones if one.at <= _now() - patience]
        if not late:
            return []
        _carry_out(registry, late)
        return [
            f"carried out what {one.by} had decided: {one.action} "
            f"{f'version {one.version} ' if one.version else ''}({one.reason})"
            for one in late
        ]
    if not found.production or found.production == production:
        return []
    if not production:
        _carry_out(registry, [])
        return [f"the alias {PRODUCTION} was gone; it is back"]
    moved = Decision(
        at=_now(),
        action=Action.FOUND,
        version=production,
        before=found.production,
        by="somebody",
        reason="the alias was moved in MLflow itself",
        by_hand=True,
        held_until=FOREVER,
    )
    _decide(registry, moved)
    return [f"version {production} was put into production in MLflow itself: noted, and held"]


def _decide(registry: Production, decision: Decision) -> Decision:
    """Note a decision after all others, and carry it out; return it with its outcome."""
    last = registry.decisions(1)
    if last and last[-1].at >= decision.at:  # by another machine's clock
        decision = replace(decision, at=last[-1].at + _TICK)
    noted = registry.note(decision)
    void = _carry_out(registry, [noted])
    return replace(noted, outcome=Outcome.VOID if noted.decision_id in void else Outcome.DONE)


def _carry_out(registry: Production, carried: Sequence[Decision]) -> frozenset[str]:
    """Write what the journal asks for until it asks for nothing else; return what is void.

    What another writer has decided meanwhile is seen at the second look, and written too.
    """
    decisions = registry.decisions(WINDOW)
    while True:
        found = standing(decisions)
        _write(registry, found)
        before, decisions = decisions, registry.decisions(WINDOW)
        if _ids(decisions) == _ids(before):
            break
    for one in carried:
        outcome = Outcome.VOID if one.decision_id in found.void else Outcome.DONE
        registry.conclude(replace(one, outcome=outcome))
    return found.void


def _write(registry: Production, found: Standing) -> None:
    """Set tags and aliases; production last, since it is what the service looks at."""
    if found.reference:
        _point(registry, REFERENCE, found.reference)
    previous = next(iter(_there(registry, reversed(found.way_back))), None)
    if previous is not None:
        _point(registry, PREVIOUS, previous)
    elif found.production:
        registry.unpoint(PREVIOUS)
    if found.production and found.production != _number(registry.production()):
        if found.put_by is not None:
            registry.tag(found.production, _tags(found.put_by))
        _point(registry, PRODUCTION, found.production)


def _tags(decision: Decision) -> dict[str, str]:
    return {
        "promoted_at": decision.at.isoformat(timespec="seconds"),
        "promoted_by": decision.by,
        "promoted_from": str(decision.before or ""),
        "reason": decision.reason,
    }


def _point(registry: Production, alias: str, number: int) -> None:
    if _number(registry.aliased(alias)) == number:
        return
    try:
        registry.point(alias, number)
    except VersionNotFoundError:
        log.warning(
            "version %d, which was to be %s, is deleted; the alias stays as it is", number, alias
        )


def _there(registry: Production, numbers: Iterable[int]) -> Iterable[int]:
    """Leave out versions that are deleted."""
    for number in numbers:
        try:
            registry.version(number)
        except VersionNotFoundError:
            continue
        yield number


def _ids(decisions: Iterable[Decision]) -> list[str]:
    return [one.decision_id for one in decisions]


def _number(version: VersionInfo | None) -> int:
    return version.number if version else 0


def _now() -> datetime:
    return datetime.now(UTC)
