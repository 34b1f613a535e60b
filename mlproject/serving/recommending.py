"""Requests for recommendations, and their answers."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from mlproject.core.errors import RequestError, UnavailableError
from mlproject.core.user_ratings import UserRatings
from mlproject.serving.answers import encoded
from mlproject.serving.problems import problem, status_of
from mlproject.serving.recommender import Answer, Wish
from mlproject.serving.requests import RatedShow, RecommendRequest, check_count, sentence
from mlproject.serving.state import Serving

_UNRATED = 0


def recommended(now: Serving, asked: RecommendRequest) -> Answer:
    """Answer a request.

    Raises
    ------
    RequestError
        If too many shows are asked for, or none has a genre or type that is.
    NoModelError
        If there is no version yet.
    """
    recommender = now.recommender
    check_count(asked, now.settings.max_items)
    wish = Wish(asked.num_items) if asked.is_plain else wish_of(asked)
    with now.span("rank"):
        if asked.user_id is None:
            return recommender.answer(None, brought(asked.history or ()), wish)
        history = now.histories.of(asked.user_id)
        if now.trial is not None:
            return now.trial.answer(recommender, asked.user_id, history, wish)
        return recommender.answer(asked.user_id, history.ratings, wish, history.position.record())


async def answers(now: Serving, requests: Sequence[Any]) -> AsyncIterator[bytes]:
    """Yield the answer to each request of a batch, or its problem, as JSON."""
    for place, raw in enumerate(requests):
        yield _answer_or_problem(now, raw, place)


def _answer_or_problem(now: Serving, raw: Any, place: int) -> bytes:
    try:
        return recommended(now, RecommendRequest.model_validate(raw)).body
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        most = now.settings.max_items
        said = f"requests[{place}]: {sentence(detail, RecommendRequest.sample, most)}"
        return encoded(problem(400, said))
    except (RequestError, UnavailableError) as error:
        return encoded(problem(status_of(error), f"requests[{place}]: {error}"))


def brought(history: Sequence[RatedShow]) -> UserRatings:
    """Return the ratings that came with a request; of a show that is in it twice, the last.

    Examples
    --------
    >>> brought([RatedShow(show_id=7), RatedShow(show_id=3, rating=9)])
    UserRatings(show_ids=array([3, 7]), ratings=array([9, 0], dtype=int8))
    """
    ratings = {show.show_id: show.rating or _UNRATED for show in history}
    show_ids = sorted(ratings)
    return UserRatings(
        np.array(show_ids, dtype=np.int64),
        np.array([ratings[show] for show in show_ids], dtype=np.int8),
    )


def wish_of(asked: RecommendRequest) -> Wish:
    """Return which shows a request asks for."""
    return Wish(
        num_items=asked.num_items,
        exclude_seen=asked.exclude_seen,
        genres=tuple(asked.genres),
        types=tuple(asked.types),
        exclude_show_ids=tuple(asked.exclude_show_ids),
        diversity=asked.diversity,
        explain=asked.explain,
    )
