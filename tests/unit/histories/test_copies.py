"""Copies on the disk are taken up whole or not at all, and do not pile up."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlproject.batches.progress import Watermark
from mlproject.core.errors import AlreadyRunningError, StoreUnavailableError
from mlproject.core.forgotten import NOBODY
from mlproject.histories.copies import Copies, Copy
from mlproject.snapshot.by_user import RatingsByUser
from tests.rating_rows import Row, columns, rows

ABOUT = Copy(
    RatingsByUser.empty(),
    generation=7,
    watermarks={0: Watermark("key", "tag", 9), 1000: Watermark("", "", 3)},
    missed={1: Watermark("", "", 4)},
)


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path / "histories", "memory://")


def write(copies: Copies, *given: Row) -> str:
    with copies.writing(), copies.scratch() as scratch:
        return copies.write(scratch, [RatingsByUser.of(columns(list(given)))], ABOUT, NOBODY)


def names(copies: Copies) -> set[str]:
    return {path.name for path in copies.folder.iterdir()}


def test_a_copy_comes_back(copies: Copies) -> None:
    assert copies.current() is None
    name = write(copies, (1, 2, 3, 4, 5, 6))
    found = copies.current()
    assert found
    assert rows(found.ratings.columns()) == [(1, 2, 3, 4, 5, 6)]
    assert replace(found, ratings=ABOUT.ratings) == replace(ABOUT, name=name)
    assert copies.current_name() == name


def test_a_new_one_replaces_it_and_the_old_stays_readable_to_who_has_it(copies: Copies) -> None:
    write(copies, (1, 2, 3, 4, 5, 6))
    old = copies.current()
    name = write(copies, (9, 2, 3, 4, 5, 6))
    assert old
    assert rows(old.ratings.columns()) == [(1, 2, 3, 4, 5, 6)]
    assert names(copies) == {"current.json", "lock", name}


def test_what_a_killed_one_left_is_removed(copies: Copies) -> None:
    write(copies)
    left = copies.folder / ".unfinished-0123"
    left.mkdir()
    (left / "rating.npy").write_bytes(b"half")
    name = write(copies)
    assert names(copies) == {"current.json", "lock", name}


def test_one_writes_at_a_time(copies: Copies) -> None:
    with copies.writing(), pytest.raises(AlreadyRunningError), copies.writing():
        pass


def test_a_copy_from_elsewhere_is_not_used(copies: Copies) -> None:
    write(copies, (1, 2, 3, 4, 5, 6))
    assert replace(copies, source="s3://other").current() is None


@pytest.mark.parametrize("harm", ["array", "meta", "current", "gone"])
def test_a_damaged_copy_is_not_used(
    copies: Copies, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copies.folder / write(copies, (1, 2, 3, 4, 5, 6))
    if harm == "array":
        (folder / "rating.npy").write_bytes((folder / "rating.npy").read_bytes()[:-1])
    elif harm == "meta":
        (folder / "meta.json").write_text(json.dumps({"format": 1}))
    elif harm == "current":
        (copies.folder / "current.json").write_text("[]")
    else:
        (folder / "start.npy").unlink()
    assert copies.current() is None
    assert "cannot be" in caplog.text


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    copies = Copies(tmp_path / "file" / "histories", "memory://")
    with pytest.raises(StoreUnavailableError, match="cannot write"), copies.writing():
        pass


def test_a_full_disk_is_an_error_of_ours(copies: Copies) -> None:
    with (
        pytest.raises(StoreUnavailableError, match="No space left"),
        copies.writing(),
        copies.scratch(),
    ):
        raise OSError(28, "No space left on device")
