"""A model's files: what is read is what was saved, or it is an ArtifactError."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlproject.core.errors import ArtifactError
from mlproject.core.model import TrainedModel
from mlproject.models.files import MANIFEST, SHOWS, load_model, save_model
from tests.builders import model

ARRAYS = (
    "user_factors",
    "show_factors",
    "show_biases",
    "popularity",
    "seen_indptr",
    "seen_rows",
)
FILES = (*(f"{name}.npy" for name in ("user_ids", "show_ids", *ARRAYS)), SHOWS, MANIFEST)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of a saved model."""
    save_model(model(), tmp_path)
    return tmp_path


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def replace_file(folder: Path, name: str, write: Callable[[Path], object]) -> None:
    """Replace a file and enter its new checksum."""
    write(folder / name)
    checksum = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    change_manifest(folder, lambda manifest: manifest["files"][name].update(sha256=checksum))


def test_a_model_comes_back_as_it_was(saved: Path) -> None:
    before, after = model(), load_model(saved)
    np.testing.assert_array_equal(after.users.ids, before.users.ids)
    np.testing.assert_array_equal(after.shows.ids, before.shows.ids)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype
    assert after.cards == before.cards
    assert {path.name for path in saved.iterdir()} == set(FILES)


def test_titles_keep_their_letters(tmp_path: Path) -> None:
    cards = tuple({"title": title} for title in ("日本", "Ünï", '"\\', "\n"))
    save_model(model(cards=cards), tmp_path)
    assert load_model(tmp_path).cards == cards


def test_the_arrays_are_mapped_into_memory(saved: Path) -> None:
    loaded = load_model(saved)
    arrays = [getattr(loaded, name) for name in ARRAYS]
    assert all(isinstance(array, np.memmap) for array in arrays)
    assert not any(array.flags.writeable for array in arrays)


def test_a_model_of_users_who_have_seen_nothing_is_read(tmp_path: Path) -> None:
    nothing = model(seen_indptr=np.zeros(4, np.int64), seen_rows=np.zeros(0, np.int32))
    save_model(nothing, tmp_path)
    assert len(load_model(tmp_path).seen(0)) == 0


@pytest.mark.parametrize("name", [name for name in FILES if name != MANIFEST])
def test_an_altered_file_is_refused_whatever_byte_it_is(saved: Path, name: str) -> None:
    whole = (saved / name).read_bytes()
    for place in {0, len(whole) // 2, len(whole) - 1}:
        altered = bytearray(whole)
        altered[place] ^= 1
        (saved / name).write_bytes(altered)
        with pytest.raises(ArtifactError, match=f"{name} differs from its checksum"):
            load_model(saved)


def test_an_altered_manifest_is_refused_or_says_the_same(saved: Path) -> None:
    whole = (saved / MANIFEST).read_bytes()
    for place in range(0, len(whole), 11):
        altered = bytearray(whole)
        altered[place] ^= 1
        (saved / MANIFEST).write_bytes(altered)
        try:
            loaded: TrainedModel = load_model(saved)
        except ArtifactError:
            continue
        assert loaded.cards == model().cards


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_off_file_is_refused(saved: Path, name: str) -> None:
    (saved / name).write_bytes((saved / name).read_bytes()[:-1])
    with pytest.raises(ArtifactError):
        load_model(saved)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model(tmp_path / "no such")


@pytest.mark.parametrize("number", [0, 2, 99, "1", None])
def test_another_format_is_refused(saved: Path, number: object) -> None:
    change_manifest(saved, lambda manifest: manifest.update(format=number))
    with pytest.raises(ArtifactError, match="this program reads 1"):
        load_model(saved)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"format": 1}', "\udcff"])
def test_a_manifest_of_anything_else_is_refused(saved: Path, content: str) -> None:
    (saved / MANIFEST).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ArtifactError):
        load_model(saved)


def test_a_manifest_with_a_list_of_files_is_refused(saved: Path) -> None:
    change_manifest(saved, lambda manifest: manifest.update(files=[]))
    with pytest.raises(ArtifactError):
        load_model(saved)


def test_a_file_that_the_manifest_does_not_list_is_refused(saved: Path) -> None:
    change_manifest(saved, lambda manifest: manifest["files"].pop("popularity.npy"))
    np.save(saved / "popularity.npy", np.zeros(4, np.float32))
    with pytest.raises(ArtifactError):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("user_ids", np.arange(2)),
        ("show_ids", np.arange(5)),
        ("user_factors", np.zeros((3, 3), np.float32)),
        ("user_factors", np.zeros(3, np.float32)),
        ("show_factors", np.zeros((4, 1), np.float32)),
        ("show_factors", np.zeros((3, 2), np.float32)),
        ("show_biases", np.zeros((4, 1), np.float32)),
        ("popularity", np.zeros(3, np.float32)),
        ("seen_indptr", np.array([0, 1, 2])),
        ("seen_indptr", np.array([0, 1, 1, 3])),
        ("seen_rows", np.zeros(3, np.int32)),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(
    saved: Path, name: str, array: np.ndarray
) -> None:
    replace_file(saved, f"{name}.npy", lambda path: np.save(path, array))
    with pytest.raises(ArtifactError, match="do not fit each other"):
        load_model(saved)


def test_cards_for_other_shows_are_refused(saved: Path) -> None:
    replace_file(saved, SHOWS, lambda path: path.write_text("[{}]"))
    with pytest.raises(ArtifactError, match="do not fit each other"):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        pytest.param("seen_rows", np.array([0, 3], np.float64), id="float64 rows"),
        pytest.param("seen_rows", np.array([0, 4], np.int32), id="a row that is no show's"),
        pytest.param("seen_rows", np.array([0, -5], np.int32), id="a row below zero"),
        pytest.param("seen_indptr", np.array([0, 9, -1, 2]), id="ends that do not ascend"),
        pytest.param("user_ids", np.array([3, 2, 1]), id="ids that do not ascend"),
        pytest.param("user_ids", np.array([["a"], ["b"], ["c"]]), id="ids as text"),
        pytest.param("user_ids", np.array(1), id="TypeError: no dimension at all"),
        pytest.param("user_factors", np.float32(1), id="IndexError: no dimension at all"),
    ],
)
def test_arrays_that_cannot_serve_are_refused(saved: Path, name: str, array: np.ndarray) -> None:
    replace_file(saved, f"{name}.npy", lambda path: np.save(path, array))
    with pytest.raises(ArtifactError):
        load_model(saved)


@pytest.mark.parametrize("name", FILES[:-2])
def test_a_pickled_array_is_refused(saved: Path, name: str) -> None:
    objects = np.array([object] * 4, dtype=object)
    replace_file(saved, name, lambda path: np.save(path, objects, allow_pickle=True))
    with pytest.raises(ArtifactError):
        load_model(saved)


def test_a_pickled_array_is_not_even_saved(tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError)):
        save_model(model(popularity=np.array([object] * 4)), tmp_path)
