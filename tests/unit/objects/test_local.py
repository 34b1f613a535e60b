"""What is a local folder's own; what all stores promise is in tests/contract."""

from pathlib import Path

import pytest

from mlproject.core.errors import StoreUnavailableError
from mlproject.objects.local import LocalStore


def touch(folder: Path, *keys: str) -> None:
    """Make empty files, past the store."""
    for key in keys:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_hundred_thousand_are_listed_in_order(tmp_path: Path) -> None:
    wanted = [f"many/{number:06d}" for number in range(100_000)]
    touch(tmp_path, *wanted)
    store = LocalStore(tmp_path)
    assert [info.key for info in store.list("many/")] == wanted
    assert [info.key for info in store.list("many/", start_after=wanted[-2])] == wanted[-1:]


def test_the_local_lock_leaves_no_object(tmp_path: Path) -> None:
    LocalStore(tmp_path).put_if("a/m", b"x", None)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["m"]


def test_unfinished_writes_are_not_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a/.unfinished-x1y2", "a/b")
    assert [info.key for info in LocalStore(tmp_path).list("")] == ["a/b"]


def test_a_write_that_fails_leaves_the_old_object_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b", b"old")

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlproject.objects.local.os.fsync", disk_full)
    with pytest.raises(StoreUnavailableError, match="No space left on device"):
        store.put("a/b", b"new")
    assert store.get("a/b") == b"old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("key", ["../escape", "a/../../escape", "/absolute"])
def test_a_key_stays_below_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        LocalStore(tmp_path).put(key, b"")
