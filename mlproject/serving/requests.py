"""Strict parsing of requests; an invalid one gives a sentence that says what is wrong."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError, from_json

from mlproject.core.errors import RequestError
from mlproject.core.numbers import INT64_MAX
from mlproject.core.rating_scale import HIGHEST, LOWEST

DEFAULT_ITEMS: Final = 10
LARGEST_BODY: Final = 262_144
"""Bytes; a batch of requests is the longest that there is."""
MOST_REQUESTS: Final = 100
"""Of one batch."""

_LONGEST_LIST: Final = 1000
_MOST_NAMES: Final = 50
_LONGEST_NAME: Final = 100
_LONGEST_QUOTE: Final = 40


def _digits(value: object) -> object:
    """Let no address write a number in two ways: 7 is not 7.0, +7 or 0_7."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise PydanticCustomError("digits", "only digits")
    return value


Digits: Final = BeforeValidator(_digits)
"""Of a whole number in an address."""

Id = Annotated[int, Field(ge=0, le=INT64_MAX)]
Rating = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(max_length=_LONGEST_NAME)]

_ID: Final = f"a whole number from 0 to {INT64_MAX}"
_NAMES: Final = f"a list of at most {_MOST_NAMES} texts"
_WANTED: Final[Mapping[str, str]] = {
    "user_id": _ID,
    "show_id": _ID,
    "rating": f"a whole number from {LOWEST} to {HIGHEST}",
    "num_items": "a whole number from 1 to {most}",
    "history": f'a list of at most {_LONGEST_LIST} objects such as {{"show_id": 3, "rating": 9}}',
    "exclude_seen": "true or false",
    "explain": "true or false",
    "genres": _NAMES,
    "types": _NAMES,
    "exclude_show_ids": f"a list of at most {_LONGEST_LIST} show ids",
    "diversity": "a number from 0 to 1",
    "requests": f"a list of 1 to {MOST_REQUESTS} requests",
    "q": "a text of at most 200 letters",
    "limit": "a whole number from 1 to 100",
}
"""What each field takes."""
_EACH: Final[Mapping[str, str]] = {
    "history": 'an object such as {"show_id": 3, "rating": 9}',
    "genres": f"a text of at most {_LONGEST_NAME} letters",
    "types": f"a text of at most {_LONGEST_NAME} letters",
    "exclude_show_ids": _ID,
}
"""What a list takes as one of its members."""


class _Request(BaseModel):
    """The base of all requests: no field is guessed, converted or ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    sample: ClassVar[str]
    """A good body, which a refusal shows."""


def _shown(*examples: dict[str, Any]) -> ConfigDict:
    """Have the document show examples, and no null: a field is left out instead."""

    def show(schema: dict[str, Any]) -> None:
        for field in schema["properties"].values():
            if "anyOf" in field:
                field.update(field.pop("anyOf")[0])
                field.pop("default", None)
        if examples:
            schema["examples"] = list(examples)

    return ConfigDict(json_schema_extra=show)


class RatedShow(_Request):
    """A show of a history: watched, and perhaps rated."""

    model_config = _shown()

    show_id: Id
    rating: Rating | None = Field(
        default=None, description="Without one the show was watched, and is taken for liked."
    )


class RecommendRequest(_Request):
    """Whom to recommend to, and which shows may be recommended.

    There is either ``user_id`` or ``history``: for somebody whose ratings are known here, or
    for anybody, whose ratings come with the request and are kept nowhere.
    """

    sample = '{"user_id": 1, "num_items": 10}'
    model_config = _shown(
        {"user_id": 1, "num_items": 10},
        {
            "history": [{"show_id": 3, "rating": 9}, {"show_id": 7}],
            "genres": ["Drama"],
            "explain": True,
        },
    )

    user_id: Id | None = None
    history: list[RatedShow] | None = Field(default=None, max_length=_LONGEST_LIST)
    num_items: Count = DEFAULT_ITEMS
    exclude_seen: bool = Field(default=True, description="Leave out what the user has watched.")
    genres: list[Name] = Field(
        default_factory=list,
        max_length=_MOST_NAMES,
        description="Only shows with one of these genres.",
    )
    types: list[Name] = Field(
        default_factory=list,
        max_length=_MOST_NAMES,
        description="Only shows of one of these types.",
    )
    exclude_show_ids: list[Id] = Field(default_factory=list, max_length=_LONGEST_LIST)
    diversity: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="How much to avoid shows with the genres of those above them; 0: not at all.",
    )
    explain: bool = Field(default=False, description="Give each show a reason.")

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if self.user_id is None and self.history is None:
            for name in ("user_id", "history"):
                if name in self.model_fields_set:
                    raise ValueError(f"{name} must be {_WANTED[name]}, got null")
            raise ValueError("user_id or history is missing")
        if self.user_id is not None and self.history is not None:
            raise ValueError("there are both user_id and history; leave one out")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for beyond the best shows that a user has not seen."""
        return self.model_fields_set <= _PLAIN


_PLAIN: Final = frozenset({"user_id", "history", "num_items"})


class BatchRequest(_Request):
    """Several requests for recommendations; each has its own answer or problem."""

    sample = '{"requests": [{"user_id": 1}, {"user_id": 2}]}'
    model_config = _shown({"requests": [{"user_id": 1}, {"user_id": 2, "num_items": 3}]})

    requests: list[Any] = Field(
        min_length=1,
        max_length=MOST_REQUESTS,
        json_schema_extra={"items": {"$ref": "#/components/schemas/RecommendRequest"}},
    )


class SimilarRequest(_Request):
    """A show, and how many similar shows are wanted."""

    sample = '{"show_id": 3, "num_items": 10}'
    model_config = _shown({"show_id": 3, "num_items": 10})

    show_id: Id
    num_items: Count = DEFAULT_ITEMS


class FindRequest(BaseModel):
    """A search; it comes in the query string, so its fields are texts at first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field(default="", max_length=200, examples=["dark"])
    limit: Annotated[int, Field(ge=1, le=100), Digits] = 20


class RateRequest(_Request):
    """Who rates which show, and how."""

    sample = '{"user_id": 1, "show_id": 2, "rating": 8}'
    model_config = _shown({"user_id": 1, "show_id": 2, "rating": 8})

    user_id: Id
    show_id: Id
    rating: Rating


class UnrateRequest(_Request):
    """Who takes back the rating of which show."""

    sample = '{"user_id": 1, "show_id": 2}'
    model_config = _shown({"user_id": 1, "show_id": 2})

    user_id: Id
    show_id: Id


Asked = TypeVar("Asked", bound=_Request)


def parsed(kind: type[Asked], body: bytes, *, most: int) -> Asked:
    """Read the body of a request.

    Parameters
    ----------
    kind
        Which request it is.
    body
        JSON.
    most
        The largest ``num_items``.

    Raises
    ------
    RequestError
        If it is anything else.

    Examples
    --------
    >>> parsed(RecommendRequest, b'{"user_id": 1}', most=100).num_items
    10
    >>> parsed(RecommendRequest, b'{"user_id": 1, "num_items": 0}', most=100)
    Traceback (most recent call last):
    mlproject.core.errors.RequestError: num_items must be a whole number from 1 to 100, got 0
    >>> parsed(RateRequest, b'{"user_id": 1, "show_id": 2, "rating": 8.5}', most=100)
    Traceback (most recent call last):
    mlproject.core.errors.RequestError: rating must be a whole number from 1 to 10, got 8.5
    """
    try:
        asked = kind.model_validate_json(body)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise RequestError(sentence(detail, kind.sample, most)) from None
    # Each field has a colon; where there are no others, none can be there twice.
    if body.count(b":") != len(asked.model_fields_set):
        json_of(body)
    check_count(asked, most)
    return asked


def json_of(body: bytes) -> Any:
    """Read JSON in UTF-8.

    Raises
    ------
    RequestError
        If an object has a field twice, of which parsers take the last.
    ValueError, RecursionError
        If it is no JSON.

    Examples
    --------
    >>> json_of(b'{"user_id": 1, "user_id": 2}')
    Traceback (most recent call last):
    mlproject.core.errors.RequestError: 'user_id' is given twice; leave one out
    """
    json.loads(body.decode(), object_pairs_hook=_once)
    # The hot route's parser; Python's takes half a character, which no answer could repeat.
    return from_json(body)


def check_once(names: Iterable[str]) -> None:
    """Raise RequestError if a name is given twice."""
    known: set[str] = set()
    for name in names:
        if name in known:
            raise RequestError(f"{_shortened(name)!r} is given twice; leave one out")
        known.add(name)


def _once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    check_once(name for name, _ in fields)
    return dict(fields)


def check_count(asked: BaseModel, most: int) -> None:
    """Raise RequestError if more shows are asked for than one answer may have."""
    count = getattr(asked, "num_items", 0)
    if count > most:
        raise RequestError(f"num_items must be a whole number from 1 to {most}, got {count}")


def sentence(detail: Mapping[str, Any], sample: str, most: int) -> str:
    """Say what is wrong with a request, from pydantic's first finding.

    Parameters
    ----------
    detail
        One of :meth:`pydantic.ValidationError.errors`.
    sample
        A good request; empty: there is no body to show.
    most
        The largest ``num_items``.
    """
    kind, where = detail["type"], detail["loc"]
    instead = f"; send for example {sample}" if sample else ""
    if kind == "json_invalid":
        return f"the body is not JSON{instead}"
    if kind == "value_error":
        said = str(detail["ctx"]["error"])
        return f"{said}{instead}" if said.endswith("is missing") else said
    if not where:
        return f"the body is not a JSON object{instead}"
    name = _path(where)
    if kind == "missing":
        return f"{name} is missing{instead}"
    if kind == "extra_forbidden":
        return f"{_shortened(name)!r} is no field of this request{instead}"
    takes = _EACH if isinstance(where[-1], int) else _WANTED
    field = next((part for part in reversed(where) if isinstance(part, str)), "")
    wanted = takes.get(field, "another value")
    wanted = wanted.replace("{most}", str(most))
    return f"{name} must be {wanted}, got {_shortened(_as_json(detail['input']))}"


def _path(where: Sequence[int | str]) -> str:
    """Name a field as JavaScript does: ``history[0].rating``."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
