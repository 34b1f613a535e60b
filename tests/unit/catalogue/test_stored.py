"""The catalogue's place in the store, and its history by days."""

from datetime import date

import pytest
from pandas.testing import assert_frame_equal

from mlproject.catalogue.keys import CATALOGUE, catalogue_of
from mlproject.catalogue.stored import (
    decode_catalogue,
    encode_catalogue,
    read_catalogue,
    write_catalogue,
)
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError, StoreUnavailableError
from mlproject.testing import MemoryStore
from tests.builders import shows

DAY = date(2025, 1, 1)


def test_the_catalogue_comes_back_as_it_was(store: MemoryStore, catalogue: Catalogue) -> None:
    assert write_catalogue(store, catalogue, DAY)
    assert CATALOGUE in store.objects
    assert_frame_equal(read_catalogue(store).frame, catalogue.frame)


def test_only_another_catalogue_is_written(store: MemoryStore, catalogue: Catalogue) -> None:
    write_catalogue(store, catalogue, DAY)
    assert not write_catalogue(store, Catalogue(catalogue.frame.copy()), DAY)
    assert write_catalogue(store, shows(3), DAY)
    assert len(read_catalogue(store)) == 3


def test_the_last_catalogue_of_a_day_is_kept(store: MemoryStore) -> None:
    for count, day in ((3, DAY), (4, DAY), (5, date(2025, 1, 9)), (5, date(2025, 2, 1))):
        write_catalogue(store, shows(count), day)
    history = {
        key: len(decode_catalogue(content))
        for key, content in store.objects.items()
        if key != CATALOGUE
    }
    assert history == {catalogue_of(DAY): 4, catalogue_of(date(2025, 1, 9)): 5}


def test_before_the_first_export_the_command_is_named(store: MemoryStore) -> None:
    with pytest.raises(CatalogueError, match="in memory:// yet; `tvrec export-shows`"):
        read_catalogue(store)


def test_a_damaged_catalogue_is_an_error(store: MemoryStore) -> None:
    store.put(CATALOGUE, b"PAR1 and no more")
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_catalogue(store)


def test_a_store_that_is_down_is_no_missing_catalogue(store: MemoryStore) -> None:
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        read_catalogue(store)


def test_equal_catalogues_give_equal_bytes(catalogue: Catalogue) -> None:
    assert encode_catalogue(catalogue) == encode_catalogue(Catalogue(catalogue.frame.copy()))


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        decode_catalogue(content)


def test_a_catalogue_without_titles_is_an_error(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="no column title"):
        decode_catalogue(encode_catalogue(Catalogue(catalogue.frame.drop(columns=c.TITLE))))
