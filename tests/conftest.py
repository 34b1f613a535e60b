"""What every test stands on: a clean environment, and small real data."""

import pandas as pd
import pytest

from mlproject import config
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.testing import MemoryStore


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in config.known_names():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def catalogue() -> Catalogue:
    """Twelve shows: six crime dramas, then six comedies."""
    genres = ["Crime|Drama"] * 6 + ["Comedy"] * 6
    raw = pd.DataFrame(
        {
            c.SHOW_ID: range(101, 113),
            c.TITLE: [f"Show {number}" for number in range(101, 113)],
            c.GENRES: genres,
            c.FIRST_YEAR: range(2000, 2012),
            c.POPULARITY: range(12, 0, -1),
        }
    )
    good, _ = Catalogue.validated(raw)
    return good
