"""Requests, read strictly; what is wrong with one is said in a sentence."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlproject.core.errors import RequestError
from mlproject.core.rating_scale import HIGHEST, LOWEST

DEFAULT_ITEMS: Final = 10
LARGEST_BODY: Final = 4096
"""Bytes; a request of this service is far smaller."""

_INT64_MAX: Final = 2**63 - 1
_LONGEST_QUOTE: Final = 40
_STRICT: Final = ConfigDict(strict=True, extra="forbid", frozen=True)


class RecommendRequest(BaseModel):
    """Whom to recommend to, and how many shows."""

    model_config = _STRICT

    user_id: int = Field(ge=0, le=_INT64_MAX)
    num_items: int = Field(default=DEFAULT_ITEMS, ge=1)


class RateRequest(BaseModel):
    """Who rates which show, and how."""

    model_config = _STRICT

    user_id: int = Field(ge=0, le=_INT64_MAX)
    show_id: int = Field(ge=0, le=_INT64_MAX)
    rating: int = Field(ge=LOWEST, le=HIGHEST)


Request = TypeVar("Request", RecommendRequest, RateRequest)


def parse_recommend(body: bytes, *, most: int) -> RecommendRequest:
    """Read the body of ``POST /recommend``.

    Parameters
    ----------
    body
        JSON: ``{"user_id": 1, "num_items": 10}``; ``num_items`` may be left out.
    most
        The largest ``num_items``.

    Raises
    ------
    RequestError
        If it is anything else.

    Examples
    --------
    >>> parse_recommend(b'{"user_id": 1}', most=100).num_items
    10
    >>> parse_recommend(b'{"user_id": 1, "num_items": 0}', most=100)
    Traceback (most recent call last):
    mlproject.core.errors.RequestError: num_items must be a whole number from 1 to 100, got 0
    """
    limits = {"user_id": (0, _INT64_MAX), "num_items": (1, most)}
    request = _parsed(RecommendRequest, body, limits, '{"user_id": 1, "num_items": 10}')
    if request.num_items > most:
        raise RequestError(_out_of_limits("num_items", limits, request.num_items))
    return request


def parse_rate(body: bytes) -> RateRequest:
    """Read the body of ``POST /rate``.

    Parameters
    ----------
    body
        JSON: ``{"user_id": 1, "show_id": 2, "rating": 8}``.

    Raises
    ------
    RequestError
        If it is anything else.

    Examples
    --------
    >>> parse_rate(b'{"user_id": 1, "show_id": 2, "rating": 8.5}')
    Traceback (most recent call last):
    mlproject.core.errors.RequestError: rating must be a whole number from 1 to 10, got 8.5
    """
    limits = {"user_id": (0, _INT64_MAX), "show_id": (0, _INT64_MAX), "rating": (LOWEST, HIGHEST)}
    return _parsed(RateRequest, body, limits, '{"user_id": 1, "show_id": 2, "rating": 8}')


def _parsed(
    kind: type[Request], body: bytes, limits: Mapping[str, tuple[int, int]], example: str
) -> Request:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise RequestError(_sentence(detail, limits, example)) from None


def _sentence(detail: Any, limits: Mapping[str, tuple[int, int]], example: str) -> str:
    """Say what is wrong with a request, from pydantic's first finding."""
    if detail["type"] == "json_invalid":
        return f"the body is not JSON; send for example {example}"
    if not detail["loc"]:
        return f"the body is not a JSON object; send for example {example}"
    field = str(detail["loc"][0])
    if detail["type"] == "missing":
        return f"{field} is missing; send for example {example}"
    if detail["type"] == "extra_forbidden":
        return f"{_shortened(field)!r} is no field of this request; send for example {example}"
    return _out_of_limits(field, limits, detail["input"])


def _out_of_limits(field: str, limits: Mapping[str, tuple[int, int]], value: object) -> str:
    lowest, highest = limits[field]
    got = _shortened(json.dumps(value, ensure_ascii=False))
    return f"{field} must be a whole number from {lowest} to {highest}, got {got}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
