"""Requests, read strictly; what is wrong with one is said in a sentence."""

import json
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlproject.core.errors import RequestError

DEFAULT_ITEMS: Final = 10
LARGEST_BODY: Final = 4096
"""Bytes; a request of this service is far smaller."""

_INT64_MAX: Final = 2**63 - 1
_LONGEST_QUOTE: Final = 40
_EXAMPLE: Final = '{"user_id": 1, "num_items": 10}'


class RecommendRequest(BaseModel):
    """Whom to recommend to, and how many shows."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    user_id: int = Field(ge=0, le=_INT64_MAX)
    num_items: int = Field(default=DEFAULT_ITEMS, ge=1)


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
    try:
        request = RecommendRequest.model_validate_json(body)
    except ValidationError as error:
        raise RequestError(_sentence(error.errors(include_url=False)[0], most)) from None
    if request.num_items > most:
        raise RequestError(
            f"num_items must be a whole number from 1 to {most}, got {request.num_items}"
        )
    return request


def _sentence(detail: Any, most: int) -> str:
    """Say what is wrong with a request, from pydantic's first finding."""
    if detail["type"] == "json_invalid":
        return f"the body is not JSON; send for example {_EXAMPLE}"
    if not detail["loc"]:
        return f"the body is not a JSON object; send for example {_EXAMPLE}"
    field = _shortened(str(detail["loc"][0]))
    if detail["type"] == "missing":
        return f"{field} is missing; send for example {_EXAMPLE}"
    if detail["type"] == "extra_forbidden":
        return f"{field!r} is no field of this request; send for example {_EXAMPLE}"
    limits = {"user_id": f"from 0 to {_INT64_MAX}", "num_items": f"from 1 to {most}"}
    got = _shortened(json.dumps(detail["input"], ensure_ascii=False))
    return f"{field} must be a whole number {limits[field]}, got {got}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
