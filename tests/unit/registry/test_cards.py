"""Cards of other shows are found, whichever part of them it is."""

from typing import Any

import pytest

from mlproject.core import columns as c
from mlproject.registry.cards import check_cards

GENRES = (["Drama"], ["Comedy", "Crime"], ["Drama", "Crime"], ["News"])
TYPES = ("Scripted", "Animation", "Talk Show")


def made(show: int) -> dict[str, Any]:
    return {
        c.SHOW_ID: show,
        c.TITLE: f"Show {show}",
        c.GENRES: GENRES[show % len(GENRES)],
        c.TYPE: TYPES[show % len(TYPES)],
        c.FIRST_YEAR: 1980 + show,
    }


CARDS = [made(show) for show in range(1, 31)]
KNOWN = {card[c.SHOW_ID]: card for card in CARDS}


def test_cards_as_the_catalogue_has_them_are_fine() -> None:
    assert check_cards(CARDS, KNOWN) == ()
    assert check_cards(CARDS, {}) == ()
    assert check_cards([], KNOWN) == ()


def test_two_titles_that_are_exchanged_are_enough() -> None:
    cards = [dict(card) for card in CARDS]
    cards[3][c.TITLE], cards[7][c.TITLE] = cards[7][c.TITLE], cards[3][c.TITLE]
    (found,) = check_cards(cards, KNOWN)
    assert found == (
        "2 of 30 cards have the title of another show: that of show 4 is 'Show 8', which in the "
        "catalogue is show 8"
    )


@pytest.mark.parametrize("name", [c.GENRES, c.TYPE, c.FIRST_YEAR])
def test_what_else_is_of_other_shows_is_found(name: str) -> None:
    others = CARDS[1:] + CARDS[:1]
    cards = [card | {name: other[name]} for card, other in zip(CARDS, others, strict=True)]
    (found,) = check_cards(cards, KNOWN)
    assert found.startswith(f"{name} of ")
    assert found.endswith(" of 30 cards is another than in the catalogue")


def test_a_catalogue_may_go_on() -> None:
    """A show is renamed, a year mended, a type added; others are new, or gone."""
    known = {show: dict(fields) for show, fields in KNOWN.items() if show != 30}
    known[1][c.TITLE], known[2][c.FIRST_YEAR], known[31] = "Another name", 1901, made(31)
    cards = [{name: value for name, value in card.items() if name != c.TYPE} for card in CARDS]
    assert check_cards(cards, known) == ()
