"""The routes, and their entries in the OpenAPI document."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from mlproject.core import columns as c
from mlproject.core.numbers import INT64_MAX
from mlproject.serving import contract
from mlproject.serving.answers import encoded
from mlproject.serving.contract import problems
from mlproject.serving.problems import NotFoundError
from mlproject.serving.rating import event_of, rate_now
from mlproject.serving.recommending import answers, recommended
from mlproject.serving.requests import (
    BatchRequest,
    Digits,
    FindRequest,
    RateRequest,
    RecommendRequest,
    SimilarRequest,
    UnrateRequest,
    check_count,
    check_once,
    json_of,
)
from mlproject.serving.state import Serving, serving_of

JSON: Final = "application/json"
NO_MODEL: Final = "No version is in production yet"

ShowId = Annotated[int, Path(ge=0, le=INT64_MAX, examples=[2]), Digits]
UserId = Annotated[int, Path(ge=0, le=INT64_MAX, examples=[1]), Digits]


class _StrictRequest(Request):
    """A request whose body is parsed as strictly as that of ``POST /recommend``."""

    async def json(self) -> Any:
        return json_of(await self.body())


class _StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly


router = APIRouter(
    route_class=_StrictRoute,
    responses={"default": {"model": contract.Problem, "description": "A problem"}},
    generate_unique_id_function=lambda route: route.name,
)


def json_answer(body: bytes, status: int = 200) -> Response:
    """Return JSON that is encoded already."""
    return Response(body, status, media_type=JSON)


@router.post(
    "/recommend",
    summary="Recommend shows",
    response_model=contract.Recommendations,
    responses=problems(s503=NO_MODEL),
    tags=["recommendations"],
)
async def recommend(asked: RecommendRequest, request: Request) -> Response:
    """Rank the shows for a known user, or for a history that comes with the request."""
    return json_answer(recommended(serving_of(request), asked).body)


@router.post(
    "/recommend/batch",
    summary="Recommend shows to several users",
    response_model=contract.BatchAnswers,
    responses=problems(s503=NO_MODEL),
    tags=["recommendations"],
)
async def recommend_batch(asked: BatchRequest, request: Request) -> Response:
    """Answer each request as `POST /recommend` does; an invalid one does not affect the others."""
    now = serving_of(request)
    _ = now.recommender
    found = []
    async for answer in answers(now, asked.requests):
        found.append(answer)
        # Others are answered between two of a batch.
        await asyncio.sleep(0)
    return json_answer(b'{"answers":[%b]}' % b",".join(found))


@router.post(
    "/similar",
    summary="Find shows like one",
    response_model=contract.SimilarShows,
    responses=problems(s404="The version knows no such show", s503=NO_MODEL),
    tags=["shows"],
)
async def similar(asked: SimilarRequest, request: Request) -> Response:
    """Rank the shows by their similarity to one, according to the model."""
    now = serving_of(request)
    check_count(asked, now.settings.max_items)
    return json_answer(now.recommender.similar(asked.show_id, asked.num_items))


@router.post(
    "/rate",
    summary="Rate a show",
    status_code=201,
    response_model=contract.TakenRating,
    responses=problems(s503="The rating is not acknowledged; send it again"),
    tags=["ratings"],
)
async def rate(asked: RateRequest, request: Request) -> Response:
    """Take a rating; the answer comes once it is durable, and from then on it counts."""
    now = serving_of(request)
    told = await _noted(now, asked)
    return json_answer(encoded({**told, "title": _card(now, asked.show_id).get(c.TITLE)}), 201)


@router.delete(
    "/rate",
    summary="Take a rating back",
    response_model=contract.TakenBack,
    responses=problems(
        s404="The user has not rated the show",
        s503="It is not acknowledged that the rating is taken back; send it again",
    ),
    tags=["ratings"],
)
async def unrate(asked: UnrateRequest, request: Request) -> Response:
    """Take a user's rating of a show back, as if it had never been given."""
    now = serving_of(request)
    rated = now.histories.of(asked.user_id).ratings
    if asked.show_id not in rated.show_ids:
        raise NotFoundError(f"user {asked.user_id} has no rating of show {asked.show_id}")
    return json_answer(encoded(await _noted(now, asked)))


@router.get(
    "/users/{user_id}/ratings",
    summary="List a user's ratings",
    response_model=contract.RatingsOfUser,
    responses=problems(),
    tags=["ratings"],
)
async def user_ratings(user_id: UserId, request: Request) -> Response:
    """List a user's ratings, by show id; the list of an unknown user is empty."""
    now = serving_of(request)
    history = now.histories.of(user_id)
    rated = zip(history.ratings.show_ids.tolist(), history.ratings.ratings.tolist(), strict=True)
    ratings = [
        {"show_id": show_id, **_named(now, show_id), "rating": rating or None}
        for show_id, rating in rated
    ]
    position = history.position.record()
    told = {"user_id": user_id, "ratings": ratings, "position": position}
    return json_answer(encoded(told))


@router.get(
    "/shows",
    summary="Search shows by title",
    response_model=contract.FoundShows,
    responses=problems(s503=NO_MODEL),
    tags=["shows"],
)
async def find_shows(asked: Annotated[FindRequest, Query()], request: Request) -> Response:
    """Find titles, ignoring case and accents; matches at the start first, then the most popular."""
    check_once(name for name, _ in request.query_params.multi_items())
    showcase = serving_of(request).recommender.showcase
    cards = [showcase.card(row) for row in showcase.search(asked.q, asked.limit)]
    return json_answer(b'{"shows":[%b]}' % b",".join(cards))


@router.get(
    "/shows/{show_id}",
    summary="Tell what is known of a show",
    response_model=contract.ShowCard,
    responses=problems(s404="The version knows no such show", s503=NO_MODEL),
    tags=["shows"],
)
async def show(show_id: ShowId, request: Request) -> Response:
    """Return a show's card."""
    recommender = serving_of(request).recommender
    return json_answer(recommender.showcase.card(recommender.row(show_id)))


@router.get(
    "/model",
    summary="Tell which version answers",
    response_model=contract.ModelInProduction,
    responses=problems(s503=NO_MODEL),
    tags=["model"],
)
async def model(request: Request) -> Response:
    """Return which version answers, why it was promoted, and its metrics."""
    recommender = serving_of(request).recommender
    told: dict[str, Any] = {
        "version": recommender.version,
        "kind": recommender.model.model.kind,
        "shows": len(recommender.model.shows),
        **recommender.about,
    }
    if recommender.index is not None:
        told["index"] = recommender.index.told
    return json_answer(encoded(told))


async def _noted(now: Serving, asked: RateRequest | UnrateRequest) -> dict[str, Any]:
    """Make an event durable, let it count, and return where it is."""
    event = event_of(asked)
    told = {"tvrec.event_id": event.event_id}
    with now.span("store event", told) as tell:
        place = await rate_now(now.log, event)
        tell({"tvrec.partition": place.partition, "tvrec.offset": place.offset})
    now.histories.add(event, place)
    return {"event_id": event.event_id, **asdict(place)}


def _card(now: Serving, show_id: int) -> Mapping[str, Any]:
    """Return the card of a show, None if the version does not know it."""
    current = now.watcher.current
    return current.card(show_id) if current else {}


def _named(now: Serving, show_id: int) -> dict[str, Any]:
    card = _card(now, show_id)
    return {"title": card.get(c.TITLE), "genres": card.get(c.GENRES, [])}
