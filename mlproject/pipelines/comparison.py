"""What is in production, and on what it can be measured beside a candidate."""

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlproject.core.errors import ModelError
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ModelRegistry
from mlproject.core.preferences import is_relevant
from mlproject.core.runs import VersionInfo
from mlproject.dataset.split import Mask, read_rule
from mlproject.models.cache import ModelCache

log = logging.getLogger(__name__)

DIGEST_TAG: Final = "dataset_digest"
SPLIT_TAG: Final = "split"
"""The tags of a run that tell what its model was made from."""

_FEWEST_USERS: Final = 30


@dataclass(frozen=True, slots=True)
class Incumbent:
    """What a candidate has to compete with.

    Parameters
    ----------
    measured
        What all are measured by: the candidate's split, or the part of it that is fair to
        compare on.
    model
        Production's; None if there is none to compare with.
    same_data
        Whether it was made from the candidate's data.
    note
        Why there is none, or what is to be said of the comparison.
    """

    measured: Split
    model: TrainedModel | None = None
    same_data: bool = False
    note: str = ""


def find_incumbent(
    split: Split, digest: str, registry: ModelRegistry, cache: ModelCache
) -> Incumbent:
    """Read what is in production, and leave out of the holdout what it has trained on.

    That is nothing if it was trained under the same random split or an earlier cut by
    time. It is much if the split was another: by another seed or a larger share, of the
    other kind, or a cut that has moved back since older ratings came in. On what a model
    has trained on, it looks better than it is.

    A show that was rated before the earlier cut and again after today's is held out here
    and trained production. Production holds no users, so all that is left of the old
    rating is one of many that shaped the show's vector.

    Parameters
    ----------
    split
        The candidate's.
    digest
        Of the candidate's data.
    registry, cache
        Where production is noted, and where its model is read from.

    Raises
    ------
    TrackingUnavailableError, StoreUnavailableError
        If it cannot be read now.
    """
    version = registry.production()
    if version is None:
        return Incumbent(split, note="first to beat popularity")
    try:
        model = cache.load(version)
    except ModelError as error:
        return _incomparable(split, version, f"cannot be measured: {error}")
    run = registry.find_run(version.run_id)
    rule = read_rule(run.tags.get(SPLIT_TAG, "")) if run else None
    if run is None or rule is None:
        return _incomparable(split, version, "does not tell what it has trained on")

    data = split.interactions
    under_both = split.held_out & rule.held_out(data)
    left, all_users = (_measured_users(split, mask) for mask in (under_both, split.held_out))
    if left < max(1, min(_FEWEST_USERS, all_users // 2)):
        return _incomparable(split, version, "has trained on the holdout, or on nearly all of it")
    whole = np.array_equal(under_both, split.held_out)
    return Incumbent(
        Split(data, under_both),
        model,
        same_data=run.tags.get(DIGEST_TAG) == digest,
        note="" if whole else f", on what was held out from both (production: {rule})",
    )


def _measured_users(split: Split, held_out: Mask) -> int:
    data = split.interactions
    return len(np.unique(data.user_rows[held_out & is_relevant(data.ratings)]))


def _incomparable(split: Split, version: VersionInfo, why: str) -> Incumbent:
    text = f"version {version.number} in production {why}"
    log.warning("%s; the candidate is compared with popularity alone", text)
    return Incumbent(split, note=f"beats popularity, and {text}")
