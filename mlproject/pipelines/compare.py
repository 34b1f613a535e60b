"""Compares two versions on the current holdout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import DecisionError
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Interactions, Split
from mlproject.core.ports import ModelRegistry
from mlproject.dataset.split import hold_out
from mlproject.models.cache import ModelCache
from mlproject.pipelines.incumbents import Incumbent, read_version, tells
from mlproject.pipelines.train import TrainParams
from mlproject.registry.gate import Difference
from mlproject.training.evaluation import COLD, Evaluation, by_model, evaluate

_EXAMPLES: Final = 3
_ACTIVE: Final = 50


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the users: how many, and their mean precision with each version."""

    name: str
    users: int
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class Example:
    """A user whose lists differ: precision with each version, and shows that only one lists."""

    user_id: int
    first: float
    second: float
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the second version does better or worse than the first.

    Parameters
    ----------
    versions
        The two numbers.
    k
        Length of the lists.
    metrics
        By name: with the first, and with the second.
    difference
        Of the precision of each user, the second minus the first: a paired t-test.
    gain, lose
        How many users have a better list with the second, and how many a worse one.
    changed
        How many users have another list, in any order.
    groups
        Users by how much they have rated.
    examples
        Those who gain and those who lose most.
    """

    versions: tuple[int, int]
    k: int
    metrics: Mapping[str, tuple[float, float]]
    difference: Difference
    gain: int
    lose: int
    changed: int
    groups: tuple[Group, ...]
    examples: tuple[Example, ...]


def compare(
    data: Interactions,
    catalogue: Catalogue,
    registry: ModelRegistry,
    cache: ModelCache,
    numbers: tuple[int, int],
    params: TrainParams,
) -> Comparison:
    """Measure two versions by the same users, on what neither has trained on.

    Parameters
    ----------
    data, catalogue
        The ratings of today, and their shows.
    registry, cache
        Where versions are noted, and where their models are read from.
    numbers
        Of the two versions.
    params
        How much is held out, and the k.

    Raises
    ------
    VersionNotFoundError
        If there is no such version.
    DecisionError
        If one cannot be loaded or does not tell what it has trained on, or if next to
        nothing is held out from both.
    """
    split, _ = hold_out(data, share=params.holdout, seed=params.seed, kind=params.split)
    rivals = [_read(number, registry, cache) for number in numbers]
    fair = split.held_out.copy()
    for rival in rivals:
        fair &= rival.rule.held_out(data)
    if not tells(split, fair):
        raise DecisionError(
            f"versions {numbers[0]} and {numbers[1]} cannot be compared: between them, they have "
            "trained on nearly all that is held out today"
        )
    measured = Split(data, fair, split.by_time)
    one, other = (evaluate(by_model(rival.model, measured), measured, params.k) for rival in rivals)
    gains = other.precision - one.precision
    return Comparison(
        versions=numbers,
        k=params.k,
        metrics=_metrics(one, other),
        difference=Difference.of(other.precision, one.precision),
        gain=int((gains > 0).sum()),
        lose=int((gains < 0).sum()),
        changed=int((np.sort(one.lists) != np.sort(other.lists)).any(axis=1).sum()),
        groups=_groups(one, other, measured),
        examples=_examples(one, other, data, catalogue),
    )


def _read(number: int, registry: ModelRegistry, cache: ModelCache) -> Incumbent:
    found = read_version(registry.version(number), registry, cache)
    if isinstance(found, str):
        raise DecisionError(f"version {number} {found}")
    return found


def _metrics(one: Evaluation, other: Evaluation) -> dict[str, tuple[float, float]]:
    first, second = (each.means() | each.further_means() | each.slices() for each in (one, other))
    return {name: (value, second[name]) for name, value in first.items() if name in second}


def _groups(one: Evaluation, other: Evaluation, split: Split) -> tuple[Group, ...]:
    data = split.interactions
    counts = np.bincount(data.user_rows[~split.held_out], minlength=len(data.users))[one.users]
    chosen: dict[str, NDArray[np.bool_]] = {
        f"up to {COLD} ratings": counts <= COLD,
        f"{COLD + 1} to {_ACTIVE}": (counts > COLD) & (counts <= _ACTIVE),
        f"more than {_ACTIVE}": counts > _ACTIVE,
    }
    return tuple(
        Group(
            name,
            int(mask.sum()),
            float(one.precision[mask].mean()),
            float(other.precision[mask].mean()),
        )
        for name, mask in chosen.items()
        if mask.any()
    )


def _examples(
    one: Evaluation, other: Evaluation, data: Interactions, catalogue: Catalogue
) -> tuple[Example, ...]:
    gains = other.precision - one.precision
    order = np.argsort(-gains, kind="stable")
    most = [place for place in order[:_EXAMPLES] if gains[place] > 0]
    least = [place for place in order[: -_EXAMPLES - 1 : -1] if gains[place] < 0]
    titles = dict(zip(catalogue.frame[c.SHOW_ID], catalogue.frame[c.TITLE], strict=True))
    ids = data.shows.ids

    def only(mine: NDArray[np.int32], theirs: NDArray[np.int32]) -> tuple[str, ...]:
        left = [row for row in mine if row != UNKNOWN_ROW and row not in theirs]
        return tuple(str(titles[int(ids[row])]) for row in left)

    return tuple(
        Example(
            int(data.users.ids[one.users[place]]),
            float(one.precision[place]),
            float(other.precision[place]),
            only(one.lists[place], other.lists[place]),
            only(other.lists[place], one.lists[place]),
        )
        for place in [*most, *least]
    )
