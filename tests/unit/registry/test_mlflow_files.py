"""Files of a server whose clients go to the store themselves: here a folder."""

from pathlib import Path

import pytest

from mlproject.core.errors import TrackingUnavailableError
from mlproject.registry.mlflow_files import MlflowFiles

FILES = {"model/manifest.json": b"{}", "model/measured/shows.json": b"[]", "note.txt": b"a note"}


@pytest.fixture
def files() -> MlflowFiles:
    """Of a server that is not asked for them."""
    return MlflowFiles("http://127.0.0.1:9")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """What was logged."""
    folder = tmp_path / "kept"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_below_a_location_is_fetched_under_its_names(
    files: MlflowFiles, kept: Path, copy: Path
) -> None:
    assert files.fetch(kept.as_uri(), copy)
    assert content(copy) == FILES


def test_nothing_is_fetched_where_nothing_is(
    files: MlflowFiles, tmp_path: Path, copy: Path
) -> None:
    assert not files.fetch((tmp_path / "nowhere").as_uri(), copy)
    assert content(copy) == {}


def test_what_is_below_a_location_is_removed_and_nothing_else(
    files: MlflowFiles, kept: Path
) -> None:
    files.remove((kept / "model").as_uri())
    assert content(kept) == {"note.txt": b"a note"}
    files.remove((kept / "model").as_uri())
    assert content(kept) == {"note.txt": b"a note"}, "nothing there is no error"


def test_no_location_is_not_the_working_directory(
    files: MlflowFiles, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept)
    files.remove("")
    assert content(kept) == FILES


def test_a_store_of_an_unknown_kind_is_told(files: MlflowFiles, copy: Path) -> None:
    with pytest.raises(TrackingUnavailableError, match="gopher"):
        files.fetch("gopher://store/model", copy)
    with pytest.raises(TrackingUnavailableError, match="gopher"):
        files.remove("gopher://store/model")
