"""The digest tells sets of ratings apart and knows no order."""

import random

import pytest
from hypothesis import given

from mlproject.snapshot import digest as module
from mlproject.snapshot.digest import RatingsDigest
from tests.rating_rows import ROWS, Row, columns


@given(ROWS)
def test_order_does_not_matter(given_rows: list[Row]) -> None:
    mixed = random.Random(1).sample(given_rows, len(given_rows))
    assert RatingsDigest.of(columns(given_rows)) == RatingsDigest.of(columns(mixed))


def test_every_column_matters() -> None:
    row = (1, 2, 3, 4, 5, 6)
    texts = {RatingsDigest.of(columns([row])).text}
    for place in range(6):
        changed = [*row]
        changed[place] += 1
        texts.add(RatingsDigest.of(columns([tuple(changed)])).text)  # type: ignore[list-item]
    texts.add(RatingsDigest.of(columns([(2, 1, 3, 4, 5, 6)])).text)
    assert len(texts) == 8


@given(ROWS, ROWS, ROWS)
def test_what_goes_and_comes_is_what_there_is(
    kept: list[Row], gone: list[Row], come: list[Row]
) -> None:
    before = RatingsDigest.of(columns(kept + gone))
    after = before.changed(RatingsDigest.of(columns(gone)), RatingsDigest.of(columns(come)))
    assert after == RatingsDigest.of(columns(kept + come))


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    ratings = columns([(n, n * 7 % 13, n % 11, n * n, n, n + 1) for n in range(100)])
    whole = RatingsDigest.of(ratings)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert RatingsDigest.of(ratings) == whole


def test_it_is_the_same_in_every_year() -> None:
    found = RatingsDigest.of(columns([(1, 2, 3, 4, 5, 6)]))
    assert found.text == "e47c19392c5f728afd57356bca79f626"
