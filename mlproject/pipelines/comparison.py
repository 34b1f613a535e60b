"""What is in production beside a candidate, on what neither has trained on."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from mlproject.core.errors import ModelError, NotEnoughDataError
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ModelRegistry
from mlproject.core.runs import VersionInfo
from mlproject.dataset.split import SplitRule, read_rule
from mlproject.registry.gate import Rival
from mlproject.storage.model_cache import ModelCache
from mlproject.training.evaluation import Evaluation, by_model, evaluate

log = logging.getLogger(__name__)

DIGEST_TAG: Final = "dataset_digest"
SPLIT_TAG: Final = "split"
"""The tags of a run that tell what its model was made from."""

_FEWEST_USERS: Final = 30


@dataclass(frozen=True, slots=True)
class Comparison:
    """Production beside a candidate.

    Parameters
    ----------
    rival
        The values of both, user by user; None if there is nothing to compare with.
    metrics
        Production's, if they were measured on the candidate's whole holdout.
    alone
        Why there is no rival.
    """

    rival: Rival | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    alone: str = "first to beat popularity"


def measure(model: TrainedModel, split: Split, k: int) -> Evaluation:
    """Measure a model, of whatever users and shows it knows, on a holdout."""
    return evaluate(by_model(model, split.interactions.users, split.interactions.shows), split, k)


def compare(
    candidate: TrainedModel,
    own: Evaluation,
    split: Split,
    *,
    digest: str,
    registry: ModelRegistry,
    cache: ModelCache,
) -> Comparison:
    """Measure what is in production as the candidate was measured.

    Production has not trained on the holdout if it was trained under the same random
    split or an earlier cut by time. If it was trained otherwise (another seed, a larger
    share, the other kind of split, a cut that has moved back since older ratings came
    in), both are measured on the part of the holdout that was held out from it too;
    on the rest it would look better than it is.

    Parameters
    ----------
    candidate, own, split
        The model, what was measured of it, and on which holdout.
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
        return Comparison()
    try:
        model = cache.load(version)
    except ModelError as error:
        return _incomparable(version, f"cannot be read ({error})")
    run = registry.find_run(version.run_id)
    rule = read_rule(run.tags.get(SPLIT_TAG, "")) if run else None
    if run is None or rule is None:
        return _incomparable(version, "does not tell what it has trained on")

    same_data = run.tags.get(DIGEST_TAG) == digest
    fair = _held_out_from_both(split, rule)
    if fair is split:
        theirs = measure(model, split, own.k)
        return Comparison(Rival(own.precision, theirs.precision, same_data), theirs.means())
    try:
        again, theirs = measure(candidate, fair, own.k), measure(model, fair, own.k)
    except NotEnoughDataError:
        again = None
    if again is None or len(again.precision) < _FEWEST_USERS:
        return _incomparable(version, "has trained on all or nearly all of this holdout")
    note = f", on what was held out from both (production: {rule})"
    return Comparison(Rival(again.precision, theirs.precision, same_data, note))


def _held_out_from_both(split: Split, rule: SplitRule) -> Split:
    """Return the split itself if the other rule holds all of its holdout out too."""
    both = split.held_out & rule.held_out(split.interactions)
    if np.array_equal(both, split.held_out):
        return split
    return Split(split.interactions, both)


def _incomparable(version: VersionInfo, why: str) -> Comparison:
    text = f"version {version.version} in production {why}"
    log.warning("%s; the candidate is compared with popularity alone", text)
    return Comparison(alone=f"beats popularity, and {text}")
