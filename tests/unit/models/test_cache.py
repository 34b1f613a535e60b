"""Versions kept on disk: fetched once, checked at every load, and there after a restart."""

import os
from pathlib import Path

import numpy as np
import pytest

from mlproject.core.errors import (
    ArtifactError,
    StoreUnavailableError,
    TrackingUnavailableError,
)
from mlproject.models.cache import KEPT, ModelCache
from mlproject.models.files import save_model
from tests.builders import model, version


class Downloads:
    """A registry whose versions have the popularity of their number; broken when told so."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.down = False
        self.cut_off = False
        self.measured = False

    def __call__(self, number: int, folder: Path) -> Path:
        self.asked.append(number)
        if self.down:
            raise TrackingUnavailableError("MLflow does not answer")
        files = folder / "model"
        files.mkdir()
        save_model(model(popularity=np.full(4, number, np.float32)), files)
        if self.measured:
            (files / "measured").mkdir()
            other = model(popularity=np.full(4, number / 2, np.float32))
            save_model(other, files / "measured")
        if self.cut_off:
            (files / "shows.json").write_text("[")
        return files


@pytest.fixture
def downloads() -> Downloads:
    return Downloads()


@pytest.fixture
def cache(tmp_path: Path, downloads: Downloads) -> ModelCache:
    return ModelCache(tmp_path / "models", downloads)


def kept(cache: ModelCache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir() if path.is_dir())


def last_number(cache: ModelCache) -> int | None:
    last = cache.last()
    return last.number if last else None


def set_age(cache: ModelCache, name: str, seconds: int) -> None:
    os.utime(cache.folder / name, (seconds, seconds))


def test_a_version_is_downloaded_once(cache: ModelCache, downloads: Downloads) -> None:
    for _ in range(3):
        assert cache.load(version(1)).popularity[0] == 1
    assert downloads.asked == [1]
    assert kept(cache) == ["1-run"]


def test_a_version_that_serves_what_was_measured_has_one_model(cache: ModelCache) -> None:
    assert cache.load_measured(version(1)).popularity[0] == 1


def test_what_was_measured_comes_with_the_version(cache: ModelCache, downloads: Downloads) -> None:
    downloads.measured = True
    assert cache.load(version(1)).popularity[0] == 1
    assert cache.load_measured(version(1)).popularity[0] == 0.5
    assert downloads.asked == [1]
    assert cache.last().model.popularity[0] == 1, "what is served"


def test_a_new_cache_of_the_folder_downloads_nothing(
    cache: ModelCache, downloads: Downloads
) -> None:
    cache.load(version(1))
    downloads.down = True
    ModelCache(cache.folder, downloads).load(version(1))
    assert downloads.asked == [1]


def test_the_last_model_is_there_without_the_registry(
    cache: ModelCache, downloads: Downloads
) -> None:
    assert cache.last() is None
    cache.load(version(1))
    cache.load(version(2, "other"))
    cache.load(version(1))
    downloads.down = True
    last = ModelCache(cache.folder, downloads).last()
    assert last is not None
    assert last.number == last.model.popularity[0] == 1


def test_the_last_version_comes_with_what_was_known_of_it(cache: ModelCache) -> None:
    about = {"reason": "the first", "metrics": {"precision_at_10": 0.2}}
    cache.load(version(1), about)
    assert cache.last().about == about


def test_a_note_of_an_older_release_is_of_use(cache: ModelCache) -> None:
    cache.load(version(1))
    (cache.folder / "current.json").write_text('{"version": 1, "folder": "1-run"}')
    assert (last_number(cache), cache.last().about) == (1, {})


def test_a_failed_load_does_not_become_the_last(cache: ModelCache, downloads: Downloads) -> None:
    cache.load(version(1))
    downloads.cut_off = True
    with pytest.raises(ArtifactError):
        cache.load(version(2))
    assert last_number(cache) == 1
    assert kept(cache) == ["1-run"], "nothing is left of it"


def test_only_the_newest_two_are_kept(cache: ModelCache) -> None:
    for number in range(1, 6):
        cache.load(version(number))
        set_age(cache, f"{number}-run", number)
    assert kept(cache) == ["4-run", "5-run"]
    assert len(kept(cache)) == KEPT


def test_what_has_just_been_loaded_is_not_removed(cache: ModelCache) -> None:
    for number in (1, 2):
        cache.load(version(number))
        set_age(cache, f"{number}-run", number)
    cache.load(version(1))
    cache.load(version(3))
    cache.load(version(3))
    assert "3-run" in kept(cache)
    assert last_number(cache) == 3


def test_a_corrupt_copy_is_fetched_again_at_the_next_try(
    cache: ModelCache, downloads: Downloads
) -> None:
    cache.load(version(1))
    (cache.folder / "1-run" / "popularity.npy").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="differs from its checksum"):
        cache.load(version(1))
    assert cache.load(version(1)).popularity[0] == 1
    assert downloads.asked == [1, 1]


def test_the_same_number_of_another_run_is_another_model(
    cache: ModelCache, downloads: Downloads
) -> None:
    cache.load(version(1, "before-the-reset"))
    cache.load(version(1, "after-the-reset"))
    assert downloads.asked == [1, 1]
    assert kept(cache) == ["1-after-the-reset", "1-before-the-reset"]


def test_a_registry_that_is_down_is_said_as_it_is(cache: ModelCache, downloads: Downloads) -> None:
    downloads.down = True
    with pytest.raises(TrackingUnavailableError, match="MLflow does not answer"):
        cache.load(version(1))
    assert kept(cache) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, downloads: Downloads) -> None:
    (tmp_path / "file").touch()
    cache = ModelCache(tmp_path / "file" / "models", downloads)
    with pytest.raises(StoreUnavailableError, match="cannot write"):
        cache.load(version(1))
    assert cache.last() is None


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"version": "x", "folder": "1-run"}',
        '{"version": 1, "folder": "no such"}',
        '{"version": 1, "folder": null}',
        '{"version": 1, "folder": "1-run", "about": 7}',
    ],
)
def test_a_damaged_note_is_no_last_model(
    cache: ModelCache, caplog: pytest.LogCaptureFixture, note: str
) -> None:
    cache.load(version(1))
    (cache.folder / "current.json").write_text(note)
    assert cache.last() is None
    assert "cannot be used" in caplog.text


def test_a_damaged_last_model_is_no_last_model(cache: ModelCache) -> None:
    cache.load(version(1))
    (cache.folder / "1-run" / "shows.json").unlink()
    assert cache.last() is None


def test_a_faster_worker_with_the_same_folder_is_no_trouble(
    cache: ModelCache, downloads: Downloads
) -> None:
    def slower(number: int, folder: Path) -> Path:
        cache.load(version(number))  # the other worker, in between
        return downloads(number, folder)

    assert ModelCache(cache.folder, slower).load(version(1)).popularity[0] == 1
    assert kept(cache) == ["1-run"]
