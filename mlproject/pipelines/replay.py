"""Reproduces an answer of the service from its version and the events up to its position."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlproject.core.errors import RequestError
from mlproject.core.model import TrainedModel
from mlproject.core.ports import ObjectStore, VersionRegistry
from mlproject.core.user_histories import Position
from mlproject.histories.past import history_at
from mlproject.models.cache import ModelCache
from mlproject.serving.interleaved import interleaved
from mlproject.serving.recommender import Recommender, Wish
from mlproject.serving.recommending import wish_of
from mlproject.serving.requests import RecommendRequest


@dataclass(frozen=True, slots=True)
class Replayed:
    """A reproduced answer.

    Parameters
    ----------
    answer
        Its bytes.
    equal
        Whether they are those that were given.
    ratings
        How many ratings it was made from.
    """

    answer: bytes
    equal: bool
    ratings: int


def replay(
    given: bytes,
    store: ObjectStore,
    versions: VersionRegistry,
    cache: ModelCache,
    make: Callable[[int, TrainedModel], Recommender] = Recommender,
) -> Replayed:
    """Make an answer of ``/recommend`` again, and compare byte for byte.

    Parameters
    ----------
    given
        The answer's body, as it was received.
    store, versions, cache
        Where the ratings are, and where the version's model is read from.
    make
        Returns what answers, from a version's number and its content, as the service's does.

    Raises
    ------
    RequestError
        If what is given is no answer of ``/recommend``.
    VersionNotFoundError, ArtifactError
        If the version is gone, or its files are damaged.
    UnavailableError
        If the ratings up to the position are not in the store yet.
    """
    try:
        told: dict[str, Any] = json.loads(given)
        user_id, number = int(told["user_id"]), int(told["model_version"])
        position = Position.of_record(told["position"])
        wish = _wish(user_id, told)
        beside = int(told.get("challenger_version", 0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            "this is no answer of /recommend: it names user_id, model_version, position and items"
        ) from error
    ratings = history_at(store, position, user_id)
    recommender = make(number, cache.load(versions.version(number)))
    if beside:
        challenger = make(beside, cache.load(versions.version(beside)))
        pair = recommender, challenger
        answer = interleaved(pair, user_id, ratings, wish, told["position"]).body
    else:
        answer = recommender.answer(user_id, ratings, wish, told["position"]).body
    return Replayed(answer, answer == given.strip(), len(ratings))


def _wish(user_id: int, told: dict[str, Any]) -> Wish:
    """Return what was asked for: as the answer says, or as many shows as it has.

    Raises
    ------
    ValueError, KeyError, TypeError
        If that is no request.
    """
    asked = told.get("asked")
    if asked is None:
        return Wish(max(1, len(told["items"])))
    return wish_of(RecommendRequest(user_id=user_id, **asked))
