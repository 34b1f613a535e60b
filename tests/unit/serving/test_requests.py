"""Requests: every body is a request, or a sentence on what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.errors import RequestError
from mlproject.serving.requests import LARGEST_BODY, RateRequest, RecommendRequest, parsed

EXAMPLE = 'send for example {"user_id": 1, "num_items": 10}'
USER_ID = "user_id must be a whole number from 0 to 9223372036854775807, got"
NUM_ITEMS = "num_items must be a whole number from 1 to 100, got"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("body", "user_id", "num_items"),
    [
        ('{"user_id": 1}', 1, 10),
        ('{"user_id": 0, "num_items": 1}', 0, 1),
        ('{"num_items": 100, "user_id": 9223372036854775807}', 2**63 - 1, 100),
        (' {"user_id":1}\n', 1, 10),
        ('{"user_id":1,"genres":[":::"]}', 1, 10),
    ],
)
def test_a_good_body_is_read(body: str, user_id: int, num_items: int) -> None:
    asked = parsed(RecommendRequest, body.encode(), most=100)
    assert (asked.user_id, asked.num_items) == (user_id, num_items)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", f"the body is not JSON; {EXAMPLE}"),
        ("user_id=1", f"the body is not JSON; {EXAMPLE}"),
        ('{"user_id": 1', f"the body is not JSON; {EXAMPLE}"),
        ('{"user_id": 01}', f"the body is not JSON; {EXAMPLE}"),
        ("[" * 3000, f"the body is not JSON; {EXAMPLE}"),
        ("null", f"the body is not a JSON object; {EXAMPLE}"),
        ("7", f"the body is not a JSON object; {EXAMPLE}"),
        ('[{"user_id": 1}]', f"the body is not a JSON object; {EXAMPLE}"),
        ("{}", f"user_id or history is missing; {EXAMPLE}"),
        ('{"num_items": 3}', f"user_id or history is missing; {EXAMPLE}"),
        ('{"user_id": 1, "user_id": 2}', "'user_id' is given twice; leave one out"),
        ('{"user_id": 1, "user_id": 1}', "'user_id' is given twice; leave one out"),
        ('{"user_id": 1, "user\\u005fid": 2}', "'user_id' is given twice; leave one out"),
        (
            '{"history": [{"show_id": 3, "rating": 1, "rating": 9}]}',
            "'rating' is given twice; leave one out",
        ),
        ('{"user": 1, "user_id": 1}', f"'user' is no field of this request; {EXAMPLE}"),
        ('{"user_id": "1"}', f'{USER_ID} "1"'),
        ('{"user_id": "ü"}', f'{USER_ID} "ü"'),
        ('{"user_id": null}', f"{USER_ID} null"),
        ('{"user_id": true}', f"{USER_ID} true"),
        ('{"user_id": 1.5}', f"{USER_ID} 1.5"),
        ('{"user_id": -1}', f"{USER_ID} -1"),
        ('{"user_id": 9223372036854775808}', f"{USER_ID} 9223372036854775808"),
        ('{"user_id": [1]}', f"{USER_ID} [1]"),
        (f'{{"user_id": "{"x" * 99}"}}', f'{USER_ID} "{"x" * 39}...'),
        ('{"user_id": 1, "num_items": 0}', f"{NUM_ITEMS} 0"),
        ('{"user_id": 1, "num_items": 101}', f"{NUM_ITEMS} 101"),
        ('{"user_id": 1, "num_items": "5"}', f'{NUM_ITEMS} "5"'),
        ('{"user_id": 1, "num_items": null}', f"{NUM_ITEMS} null"),
        ('{"user_id": 1, "num_items": 1e2}', f"{NUM_ITEMS} 100.0"),
        (
            '{"user_id": 1, "genres": ["Drama", 7]}',
            "genres[1] must be a text of at most 100 letters, got 7",
        ),
        (
            '{"user_id": 1, "exclude_show_ids": ["x"]}',
            'exclude_show_ids[0] must be a whole number from 0 to 9223372036854775807, got "x"',
        ),
        (
            '{"history": [3]}',
            'history[0] must be an object such as {"show_id": 3, "rating": 9}, got 3',
        ),
        (
            '{"history": [{"show_id": 3, "rating": 11}]}',
            "history[0].rating must be a whole number from 1 to 10, got 11",
        ),
    ],
)
def test_a_bad_body_gets_a_sentence(body: str, sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        parsed(RecommendRequest, body.encode(), most=100)
    assert str(caught.value) == sentence


def test_the_limit_is_the_callers() -> None:
    assert parsed(RecommendRequest, b'{"user_id": 1, "num_items": 500}', most=500).num_items == 500
    with pytest.raises(RequestError, match="from 1 to 5, got 6"):
        parsed(RecommendRequest, b'{"user_id": 1, "num_items": 6}', most=5)


def read(body: bytes) -> None:
    """Read a body: a request in the limits, or a sentence of one line."""
    try:
        asked = parsed(RecommendRequest, body, most=100)
    except RequestError as error:
        sentence = str(error)
    else:
        assert 0 <= asked.user_id < 2**63
        assert 1 <= asked.num_items <= 100
        return
    assert sentence.encode()
    assert "\n" not in sentence


@given(st.binary(max_size=LARGEST_BODY))
def test_random_bytes_are_a_request_or_a_sentence(body: bytes) -> None:
    read(body)


@given(st.dictionaries(st.sampled_from(["user_id", "num_items", "user"]) | st.text(), JSON))
def test_any_json_is_a_request_or_a_sentence(body: dict[str, Any]) -> None:
    read(json.dumps(body).encode())


def test_a_sentence_is_short() -> None:
    with pytest.raises(RequestError) as caught:
        parsed(RecommendRequest, json.dumps({"user_id": 1, "x" * 3000: 1}).encode(), most=100)
    assert len(str(caught.value)) < 300


RATE_EXAMPLE = 'send for example {"user_id": 1, "show_id": 2, "rating": 8}'
SHOW_ID = "show_id must be a whole number from 0 to 9223372036854775807, got"
RATING = "rating must be a whole number from 1 to 10, got"


@pytest.mark.parametrize("rating", [1, 10])
def test_a_rating_is_read(rating: int) -> None:
    asked = parsed(
        RateRequest,
        b'{"rating": %d, "user_id": 0, "show_id": 9223372036854775807}' % rating,
        most=100,
    )
    assert (asked.user_id, asked.show_id, asked.rating) == (0, 2**63 - 1, rating)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", f"the body is not JSON; {RATE_EXAMPLE}"),
        ("[]", f"the body is not a JSON object; {RATE_EXAMPLE}"),
        ("{}", f"user_id is missing; {RATE_EXAMPLE}"),
        ('{"user_id": 1, "rating": 3}', f"show_id is missing; {RATE_EXAMPLE}"),
        ('{"user_id": 1, "show_id": 3}', f"rating is missing; {RATE_EXAMPLE}"),
        (
            '{"user_id": 1, "show_id": 2, "rating": 3, "rated_at": 0}',
            f"'rated_at' is no field of this request; {RATE_EXAMPLE}",
        ),
        ('{"user_id": true, "show_id": 2, "rating": 3}', f"{USER_ID} true"),
        ('{"user_id": 1, "show_id": "2", "rating": 3}', f'{SHOW_ID} "2"'),
        ('{"user_id": 1, "show_id": 9223372036854775808, "rating": 3}', f"{SHOW_ID} 92233"),
        ('{"user_id": 1, "show_id": -1, "rating": 3}', f"{SHOW_ID} -1"),
        ('{"user_id": 1, "show_id": 2, "rating": true}', f"{RATING} true"),
        ('{"user_id": 1, "show_id": 2, "rating": null}', f"{RATING} null"),
        ('{"user_id": 1, "show_id": 2, "rating": "8"}', f'{RATING} "8"'),
        ('{"user_id": 1, "show_id": 2, "rating": 8.5}', f"{RATING} 8.5"),
        ('{"user_id": 1, "show_id": 2, "rating": 0}', f"{RATING} 0"),
        ('{"user_id": 1, "show_id": 2, "rating": 11}', f"{RATING} 11"),
        ('{"user_id": 1, "show_id": 2, "rating": NaN}', f"{RATING} NaN"),
        ('{"user_id": 1, "show_id": 2, "rating": Infinity}', f"{RATING} Infinity"),
        ('{"user_id": 1, "show_id": 2, "rating": 1e999}', f"{RATING} Infinity"),
    ],
)
def test_what_is_wrong_with_a_rating_is_said(body: str, sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        parsed(RateRequest, body.encode(), most=100)
    assert str(caught.value).startswith(sentence)


@given(st.dictionaries(st.sampled_from(["user_id", "show_id", "rating", "x"]), JSON) | JSON)
def test_any_json_is_a_rating_or_a_sentence(value: Any) -> None:
    try:
        asked = parsed(RateRequest, json.dumps(value).encode(), most=100)
    except RequestError as error:
        assert 20 < len(str(error)) < 250  # noqa: PT017
    else:
        assert 1 <= asked.rating <= 10
