"""The models of answers in the OpenAPI document.

Answers are not built from these, which would take longer than ranking all shows; a test checks
every answer against its model.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from mlproject.core.sources import Source


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Bad Request",
                    "status": 400,
                    "detail": "num_items must be a whole number from 1 to 100, got 0",
                    "error": "num_items must be a whole number from 1 to 100, got 0",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str = Field(description="A sentence that says what to do.")
    error: str = Field(description="The same, for clients of the first version.")


class ShowCard(BaseModel):
    """What is known of a show; what is not known is left out."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "show_id": 2,
                    "title": "Breaking Bad",
                    "genres": ["Crime", "Drama", "Thriller"],
                    "first_year": 2008,
                    "seasons": 5,
                    "episodes": 62,
                    "network": "AMC",
                    "country": "US",
                    "type": "Scripted",
                }
            ]
        },
    )

    show_id: int
    title: str
    genres: list[str]
    first_year: int = 0
    seasons: int = 0
    episodes: int = 0
    network: str = ""
    country: str = ""
    type: str = ""
    mean_rating: float = 0
    summary: str = ""
    image: str = ""


class Reason(BaseModel):
    """Why a show is recommended."""

    text: str = Field(examples=["because you rated Breaking Bad"])
    show_ids: list[int]
    titles: list[str]


class Item(ShowCard):
    """A show of an answer."""

    score: float = Field(
        description="Orders the shows of one answer, the higher the better; those of another "
        "answer are not comparable."
    )
    rank: int = Field(ge=1)
    reason: Reason | None = Field(
        default=None,
        description="Only if asked for; null: the show is recommended because it is popular.",
    )


class Position(BaseModel):
    """Up to where ratings counted, from which an answer can be reproduced."""

    snapshot: int
    offsets: dict[str, int]
    beyond: list[list[int]]


class Asked(BaseModel):
    """The parts of a request that differ from the defaults."""

    num_items: int
    exclude_seen: bool = True
    genres: list[str] = Field(default_factory=list)
    types: list[str] = Field(default_factory=list)
    exclude_show_ids: list[int] = Field(default_factory=list)
    diversity: float = 0.0
    explain: bool = False


class Recommendations(BaseModel):
    """Shows for somebody, best first."""

    user_id: int | None
    model_version: int
    source: Source = Field(
        description="personalized: from five or more liked shows; folded-in: from fewer; popular: "
        "from none"
    )
    items: list[Item]
    challenger_version: int | None = Field(
        None,
        description="The version interleaved with `model_version` in this answer. Scores are then "
        "those of `model_version`, and do not descend.",
    )
    position: Position | None = None
    asked: Asked | None = Field(
        None,
        description="The request, if it has more than a number of shows; with version and "
        "position it reproduces the answer.",
    )


class BatchAnswers(BaseModel):
    """An answer or a problem for each request, in their order."""

    answers: list[Recommendations | Problem]


class SimilarShows(BaseModel):
    """Shows that are like one, the most alike first."""

    show_id: int
    title: str
    model_version: int
    items: list[Item]


class TakenRating(BaseModel):
    """Where a durable rating is stored."""

    event_id: str
    topic: str
    partition: int
    offset: int
    title: str | None = Field(description="The show's; null: the model does not know the show.")


class TakenBack(BaseModel):
    """Where the event is stored that takes a rating back."""

    event_id: str
    topic: str
    partition: int
    offset: int


class UserRating(BaseModel):
    """The latest rating of a show by a user."""

    show_id: int
    title: str | None = Field(description="null: the model does not know the show.")
    genres: list[str]
    rating: int | None = Field(description="null: watched, not rated")


class RatingsOfUser(BaseModel):
    """What a user has rated."""

    user_id: int
    ratings: list[UserRating]
    position: Position


class FoundShows(BaseModel):
    """Shows found by title."""

    shows: list[ShowCard]


class ModelInProduction(BaseModel):
    """The version that answers."""

    version: int
    kind: str = Field(examples=["factors", "linear"])
    shows: int
    loaded_at: str
    run_id: str | None = None
    promoted_at: str | None = None
    promoted_by: str | None = None
    reason: str | None = None
    trained_at: str | None = None
    metrics: dict[str, float] = Field(default={}, examples=[{"precision_at_10": 0.24}])
    index: dict[str, float] | None = Field(
        default=None,
        description="Of the shows, where there are too many to score them all.",
        examples=[{"lists": 1000, "looked_at": 32, "recall_at_10": 0.99}],
    )


def problems(**statuses: str) -> dict[int | str, dict[str, Any]]:
    """Return the problems that a route may answer with, for its document.

    Parameters
    ----------
    **statuses
        ``s404="there is no such show"``.
    """
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        int(name[1:]): {"description": description, "content": content}
        for name, description in {**statuses, **_ANYWHERE}.items()
    }


_ANYWHERE: Final = {
    "s400": "The request is not what is wanted; the sentence says what is",
    "s401": "A token is needed",
    "s413": "The body is too large",
    "s415": "The body is not application/json",
    "s429": "Too many requests of one client",
    "s500": "An error of ours",
}
