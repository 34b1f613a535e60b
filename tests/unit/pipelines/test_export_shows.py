"""The export of the catalogue: only what has changed, and nothing that has shrunk."""

from dataclasses import dataclass

import pytest

from mlproject.catalogue.keys import CATALOGUE
from mlproject.catalogue.stored import read_catalogue
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError, StoreUnavailableError
from mlproject.pipelines.export_shows import ExportResult, export_shows
from mlproject.testing import MemoryStore
from tests.builders import Calendar, shows


@dataclass
class Source:
    """A source of that many shows; of none it is broken."""

    count: int

    def read(self) -> Catalogue:
        if not self.count:
            raise CatalogueError("the source has no usable show")
        return shows(self.count)


def export(source: Source, store: MemoryStore, *, force: bool = False) -> ExportResult:
    return export_shows(source, store, Calendar(), force=force)


def test_the_first_export_writes(store: MemoryStore) -> None:
    assert export(Source(10), store) == ExportResult(shows=10, written=True)
    assert len(read_catalogue(store)) == 10


def test_what_is_unchanged_is_not_written(store: MemoryStore) -> None:
    export(Source(10), store)
    assert export(Source(10), store) == ExportResult(shows=10, written=False)
    assert export(Source(10), store, force=True) == ExportResult(shows=10, written=False)


@pytest.mark.parametrize("count", [8, 9, 11, 1000])
def test_what_has_changed_is_written(store: MemoryStore, count: int) -> None:
    export(Source(10), store)
    assert export(Source(count), store) == ExportResult(shows=count, written=True)


def test_a_catalogue_that_has_shrunk_below_four_fifths_is_refused(store: MemoryStore) -> None:
    export(Source(10), store)
    with pytest.raises(CatalogueError) as caught:
        export(Source(7), store)
    assert str(caught.value) == (
        "the new catalogue has 7 shows, the stored one 10; it stays. Use --force if that is right"
    )
    assert len(read_catalogue(store)) == 10
    assert export(Source(4), store, force=True).written
    assert len(read_catalogue(store)) == 4


def test_a_damaged_stored_catalogue_is_replaced(store: MemoryStore) -> None:
    store.put(CATALOGUE, b"damaged")
    assert export(Source(3), store).written
    assert len(read_catalogue(store)) == 3


def test_a_broken_source_leaves_what_is_stored(store: MemoryStore) -> None:
    export(Source(10), store)
    with pytest.raises(CatalogueError, match="no usable show"):
        export(Source(0), store, force=True)
    assert len(read_catalogue(store)) == 10


def test_a_store_that_is_down_is_not_written_to_blindly(store: MemoryStore) -> None:
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        export(Source(10), store)
