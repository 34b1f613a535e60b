"""A model's files: what is read is what was saved, or it is an ArtifactError."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlproject.core.errors import ArtifactError
from mlproject.core.histories import Histories
from mlproject.core.model import Model, TrainedModel
from mlproject.models.files import MANIFEST, SHOWS, load_model, save_model
from mlproject.models.kinds import KINDS
from mlproject.models.linear import Linear
from mlproject.models.popularity import Popularity
from tests.builders import factors, model

COMMON = ("show_ids", "popularity", "history_weights")
OF_KIND = ("show_vectors", "show_biases", "fold_in")
FILES = (*(f"{name}.npy" for name in (*COMMON, *OF_KIND)), SHOWS, MANIFEST)


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
    np.testing.assert_array_equal(after.shows.ids, before.shows.ids)
    np.testing.assert_array_equal(after.popularity, before.popularity)
    np.testing.assert_array_equal(after.history_weights, before.history_weights)
    assert after.model.arrays().keys() == before.model.arrays().keys()
    for name, array in before.model.arrays().items():
        np.testing.assert_array_equal(after.model.arrays()[name], array)
        assert after.model.arrays()[name].dtype == array.dtype
    assert after.cards == before.cards
    assert {path.name for path in saved.iterdir()} == set(FILES)


def test_titles_keep_their_letters(tmp_path: Path) -> None:
    titles = ("日本", "Ünï", '"\\', "\n")
    cards = tuple(
        {"show_id": 10 * number, "title": title} for number, title in enumerate(titles, start=1)
    )
    save_model(model(cards=cards), tmp_path)
    assert load_model(tmp_path).cards == cards


def test_cards_of_other_shows_are_refused(saved: Path) -> None:
    """Else a show would be recommended under the name of another."""

    def swap(path: Path) -> None:
        cards = json.loads(path.read_text())
        path.write_text(json.dumps([cards[1], cards[0], *cards[2:]]))

    replace_file(saved, SHOWS, swap)
    with pytest.raises(ArtifactError, match="are not those of its arrays"):
        load_model(saved)


def test_the_arrays_are_mapped_into_memory(saved: Path) -> None:
    loaded = load_model(saved)
    arrays = [loaded.popularity, loaded.history_weights, *loaded.model.arrays().values()]
    # Plain arrays, whose slices are cheap, over mapped ones.
    assert all(type(array) is np.ndarray for array in arrays)
    assert all(isinstance(array.base, np.memmap) for array in arrays)
    assert not any(array.flags.writeable for array in arrays)


EXAMPLES: tuple[Model, ...] = (
    factors(),
    Linear(
        indptr=np.array([0, 1, 2, 2, 3]),
        columns=np.array([1, 0, 2], np.int32),
        values=np.array([0.5, 0.25, 1], np.float16),
        prior=np.ones(4, np.float32),
    ),
    Popularity(np.array([3, 1, 2, 4], np.float32)),
)


def test_there_is_an_example_of_every_kind() -> None:
    assert [type(example) for example in EXAMPLES] == list(KINDS.values())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.kind)
def test_every_kind_comes_back_and_scores_alike(example: Model, tmp_path: Path) -> None:
    before = model(model=example)
    save_model(before, tmp_path)
    after = load_model(tmp_path)
    assert type(after.model) is type(example)
    history = Histories.of_one(np.array([1], np.int32), np.ones(1, np.float32))
    np.testing.assert_array_equal(after.scores(history), before.scores(history))
    np.testing.assert_array_equal(after.model.similar(1), before.model.similar(1))


def test_no_user_is_in_the_files(tmp_path: Path) -> None:
    """Whatever a trainer knew of them: a version is a function of histories."""
    save_model(model(), tmp_path)
    lengths = {tuple(np.load(path).shape) for path in tmp_path.glob("*.npy")}
    assert lengths == {(4,), (11,), (4, 2), (12, 2)}


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


@pytest.mark.parametrize("number", [0, 3, 99, "2", None])
def test_another_format_is_refused(saved: Path, number: object) -> None:
    change_manifest(saved, lambda manifest: manifest.update(format=number))
    with pytest.raises(ArtifactError, match="this program reads 2"):
        load_model(saved)


def test_a_version_that_holds_users_is_refused_with_what_to_do(saved: Path) -> None:
    change_manifest(saved, lambda manifest: manifest.update(format=1))
    with pytest.raises(ArtifactError, match=r"holds its users; .* `tvrec train` makes a new"):
        load_model(saved)


@pytest.mark.parametrize("kind", ["unheard of", "", None, 7, ["factors"]])
def test_an_unknown_kind_is_refused(saved: Path, kind: object) -> None:
    change_manifest(saved, lambda manifest: manifest.update(kind=kind))
    with pytest.raises(ArtifactError):
        load_model(saved)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"format": 2}', "\udcff"])
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
        ("show_ids", np.arange(5)),
        ("show_ids", np.array([3, 2, 1, 0])),
        ("show_vectors", np.zeros((3, 2), np.float16)),
        ("show_vectors", np.zeros((4, 1), np.float16)),
        ("show_vectors", np.zeros(4, np.float16)),
        ("show_biases", np.zeros((4, 1), np.float32)),
        ("popularity", np.zeros(3, np.float32)),
        ("history_weights", np.zeros(10, np.float32)),
        ("fold_in", np.zeros((12, 3), np.float32)),
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
        pytest.param("show_biases", np.zeros(4, np.float64), id="float64 biases"),
        pytest.param("fold_in", np.zeros((5, 2), np.float32), id="a map of other features"),
        pytest.param("show_ids", np.array([["a"], ["b"], ["c"], ["d"]]), id="ids as text"),
        pytest.param("show_ids", np.array(1), id="ids without a dimension"),
        pytest.param("show_vectors", np.float16(1), id="vectors without a dimension"),
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
