"""What people know a show by, read in a hurry."""

import pandas as pd
import pytest

from mlproject.catalogue.keys import CATALOGUE
from mlproject.catalogue.known_by import known_by
from mlproject.catalogue.stored import read_catalogue
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError
from mlproject.dataset.cards import cards
from mlproject.testing import MemoryStore
from tests.builders import put_catalogue


def test_it_is_what_the_cards_say(store: MemoryStore) -> None:
    raw = pd.DataFrame(
        {
            c.SHOW_ID: [3, 1, 2],
            c.TITLE: ["Three", "One", "Two"],
            c.GENRES: ["Drama|Crime", "", None],
            c.TYPE: ["Scripted", None, ""],
            c.FIRST_YEAR: [1999, None, 2001],
        }
    )
    put_catalogue(store, Catalogue.validated(raw)[0])
    found = known_by(store)
    assert [found[card[c.SHOW_ID]] for card in cards(read_catalogue(store))] == [
        {c.SHOW_ID: 1, c.TITLE: "One", c.GENRES: []},
        {c.SHOW_ID: 2, c.TITLE: "Two", c.GENRES: [], c.FIRST_YEAR: 2001},
        {
            c.SHOW_ID: 3,
            c.TITLE: "Three",
            c.GENRES: ["Drama", "Crime"],
            c.TYPE: "Scripted",
            c.FIRST_YEAR: 1999,
        },
    ]
    assert list(found.values()) == list(cards(read_catalogue(store)))


def test_before_an_export_nothing_is_known(store: MemoryStore) -> None:
    assert known_by(store) == {}


def test_what_cannot_be_read_is_told(store: MemoryStore) -> None:
    store.put(CATALOGUE, b"no Parquet")
    with pytest.raises(CatalogueError, match="cannot be read"):
        known_by(store)
