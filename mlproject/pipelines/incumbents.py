"""The models that a candidate is compared with, and on which part of the holdout."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlproject.core.aliases import PRODUCTION, REFERENCE
from mlproject.core.errors import ModelError
from mlproject.core.interactions import HoldoutRule, Split
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ModelRegistry
from mlproject.core.preferences import is_relevant
from mlproject.core.runs import RunInfo, VersionInfo
from mlproject.dataset.split import HeldByAll, Mask, SplitRule, read_rule
from mlproject.models.cache import ModelCache

log = logging.getLogger(__name__)

DIGEST_TAG: Final = "dataset_digest"
SPLIT_TAG: Final = "split"
"""The tags of a run that tell what its model was made from."""

_FEWEST_USERS: Final = 30


@dataclass(frozen=True, slots=True)
class Incumbent:
    """A version, the model that was measured when it was made, and its run."""

    version: VersionInfo
    model: TrainedModel
    run: RunInfo
    rule: SplitRule


@dataclass(frozen=True, slots=True)
class Incumbents:
    """Who a candidate has to compete with.

    Parameters
    ----------
    measured
        What all are measured by: the candidate's split, or the part of it that is fair to
        compare on.
    production
        None if there is none, or none to compare with.
    reference
        None too if it is what is in production.
    same_data
        Whether production was made from the candidate's data.
    note
        Why there is no production, or what is to be said of the comparison.
    """

    measured: Split
    production: Incumbent | None = None
    reference: Incumbent | None = None
    same_data: bool = False
    note: str = ""


def find_incumbents(
    split: Split, digest: str, registry: ModelRegistry, cache: ModelCache, alias: str = PRODUCTION
) -> Incumbents:
    """Read the versions in service, and leave out of the holdout what they have trained on.

    What a version serves may have been fitted again on everything, with nothing left to
    measure it by. So it is the measured model of each version that is read here, which
    was made as the candidate was: the two are compared on what neither has seen.

    What it has trained on is nothing of the holdout if it was trained under the same random
    split or an earlier cut by time. It is much if the split was another: by another seed or
    a larger share, of the other kind, or a cut that has moved back since older ratings came
    in. On what a model has trained on, it looks better than it is.

    A show that was rated before the earlier cut and again after today's is held out here
    and trained the version. A version holds no users, so all that is left of the old
    rating is one of many that shaped the show's vector.

    Parameters
    ----------
    split
        The candidate's.
    digest
        Of the candidate's data.
    registry, cache
        Where versions are noted, and where their models are read from.
    alias
        The alias that the candidate wants. If no version has it, production is competed
        with.

    Raises
    ------
    TrackingUnavailableError, StoreUnavailableError
        If a version cannot be read now.
    """
    version = registry.aliased(alias) or registry.production()
    if version is None:
        return Incumbents(split, note="first to beat popularity")
    production = read_version(version, registry, cache)
    if isinstance(production, str):
        return _incomparable(split, version, production)
    rules = [split.rule, production.rule]
    fair = split.held_out & production.rule.held_out(split.interactions)
    if not tells(split, fair):
        why = "has trained on the holdout, or on nearly all of it"
        return _incomparable(split, version, why)

    reference = _reference(version, registry, cache)
    if reference is not None:
        with_reference = fair & reference.rule.held_out(split.interactions)
        if tells(split, with_reference):
            fair = with_reference
            rules.append(reference.rule)
        else:
            log.warning(
                "version %d, the reference, has trained on the holdout; it is not compared",
                reference.version.number,
            )
            reference = None
    whole = np.array_equal(fair, split.held_out)
    return Incumbents(
        Split(split.interactions, fair, rule=_held_by_all(rules)),
        production,
        reference,
        same_data=production.run.tags.get(DIGEST_TAG) == digest,
        note="" if whole else f", on what was held out from both (production: {production.rule})",
    )


def _held_by_all(rules: Sequence[HoldoutRule | None]) -> HoldoutRule | None:
    """Join rules; None if one of them is not known."""
    known = tuple(rule for rule in rules if rule is not None)
    return HeldByAll(known) if len(known) == len(rules) else None


def _reference(
    production: VersionInfo, registry: ModelRegistry, cache: ModelCache
) -> Incumbent | None:
    version = registry.aliased(REFERENCE)
    if version is None or version.number == production.number:
        return None
    reference = read_version(version, registry, cache)
    if isinstance(reference, str):
        log.warning("version %d, the reference, %s; it is not compared", version.number, reference)
        return None
    return reference


def read_version(
    version: VersionInfo, registry: ModelRegistry, cache: ModelCache
) -> Incumbent | str:
    """Return a version's model and run, or why it cannot be measured."""
    try:
        model = cache.load_measured(version)
    except ModelError as error:
        return f"cannot be measured: {error}"
    run = registry.find_run(version.run_id)
    rule = read_rule(run.tags.get(SPLIT_TAG, "")) if run else None
    if run is None or rule is None:
        return "does not tell what it has trained on"
    return Incumbent(version, model, run, rule)


def tells(split: Split, fair: Mask) -> bool:
    """Tell whether enough users are left to measure by."""
    left, all_users = (_measured_users(split, mask) for mask in (fair, split.held_out))
    return left >= max(1, min(_FEWEST_USERS, all_users // 2))


def _measured_users(split: Split, held_out: Mask) -> int:
    data = split.interactions
    return len(np.unique(data.user_rows[held_out & is_relevant(data.ratings)]))


def _incomparable(split: Split, version: VersionInfo, why: str) -> Incumbents:
    text = f"version {version.number} in production {why}"
    log.warning("%s; the candidate is compared with popularity alone", text)
    return Incumbents(split, note=f"beats popularity, and {text}")
