"""A trained model as files: arrays and JSON, each with its checksum, nothing pickled.

::

    manifest.json         format, kind, and SHA-256, dtype and shape of the files below
    show_ids.npy          int64    (shows,)   ascending
    popularity.npy        float32  (shows,)
    history_weights.npy   float32  (11,)
    shows.json            one object per show, in row order
    ...                   the arrays of the kind, such as show_vectors.npy
    measured/             the same again, if what was measured is another model than this

There is no user in them.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.errors import ArtifactError
from mlproject.core.ids import IdMap
from mlproject.core.model import Shapes, TrainedModel
from mlproject.models.kinds import KINDS

FORMAT: Final = 2
MANIFEST: Final = "manifest.json"
MEASURED: Final = "measured"
SHOWS: Final = "shows.json"

# A format that held each user's vector, and everyone's ratings.
_WITH_USERS: Final = 1
_COMMON: Final[Shapes] = {
    "show_ids": ("int64", ("shows",)),
    "popularity": ("float32", ("shows",)),
    "history_weights": ("float32", (11,)),
}


def save_model(trained: TrainedModel, folder: Path) -> None:
    """Write a model into an existing folder."""
    arrays: dict[str, NDArray[Any]] = {
        "show_ids": trained.shows.ids,
        "popularity": trained.popularity,
        "history_weights": trained.history_weights,
        **trained.model.arrays(),
    }
    files: dict[str, dict[str, Any]] = {}
    for name, (dtype, _) in {**_COMMON, **trained.model.shapes}.items():
        path = folder / f"{name}.npy"
        array = arrays[name].astype(dtype, copy=False)
        np.save(path, array, allow_pickle=False)
        files[path.name] = {"sha256": _sha256(path), "shape": list(array.shape), "dtype": dtype}
    shows = folder / SHOWS
    shows.write_text(json.dumps(trained.cards, ensure_ascii=False), encoding="utf-8")
    files[SHOWS] = {"sha256": _sha256(shows)}
    manifest = {"format": FORMAT, "kind": trained.model.kind, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def load_model(folder: Path) -> TrainedModel:
    """Read a model back, checking that nothing is missing or altered.

    The arrays are memory-mapped, so that processes on one machine share them.

    Raises
    ------
    ArtifactError
        If a file is missing or differs from its checksum, if the arrays do not fit
        each other, or if the format or the kind is one that this program does not read.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _check_format(folder, manifest["format"])
        kind = KINDS.get(manifest["kind"])
        if kind is None:
            raise ArtifactError(
                f"{folder} is a model of the kind {manifest['kind']!r}; "
                f"this program knows {', '.join(sorted(KINDS))}"
            )
        shapes = {**_COMMON, **kind.shapes}
        for name in (*(f"{array}.npy" for array in shapes), SHOWS):
            if _sha256(folder / name) != manifest["files"][name]["sha256"]:
                raise ArtifactError(f"{folder / name} differs from its checksum")
        arrays = {name: _mapped(folder / f"{name}.npy") for name in shapes}
        cards = tuple(json.loads((folder / SHOWS).read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"the model in {folder} cannot be read: {error}") from error
    if any(array.dtype != shapes[name][0] for name, array in arrays.items()):
        raise ArtifactError(f"the arrays of the model in {folder} are not of the types wanted")
    if not _fit(arrays, shapes, shows=len(cards)) or (np.diff(arrays["show_ids"]) <= 0).any():
        raise ArtifactError(f"the arrays of the model in {folder} do not fit each other")
    if [card.get(c.SHOW_ID) for card in cards] != arrays["show_ids"].tolist():
        raise ArtifactError(f"the shows of the model in {folder} are not those of its arrays")
    return TrainedModel(
        shows=IdMap(arrays["show_ids"]),
        model=kind.of_arrays({name: arrays[name] for name in kind.shapes}),
        popularity=arrays["popularity"],
        history_weights=arrays["history_weights"],
        cards=cards,
    )


def _mapped(path: Path) -> NDArray[Any]:
    # A plain array over the mapped one: numpy.memmap is slow to slice, and whatever is computed
    # from one is a memmap again.
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _check_format(folder: Path, number: int) -> None:
    if number == _WITH_USERS:
        raise ArtifactError(
            f"{folder} is of format 1, which holds its users; this program reads format {FORMAT}, "
            "which holds none: `tvrec train` makes a new version"
        )
    if number != FORMAT:
        raise ArtifactError(f"{folder} is of format {number}, this program reads {FORMAT}")


def _fit(arrays: dict[str, NDArray[Any]], shapes: Shapes, *, shows: int) -> bool:
    """Tell whether lengths of one name are equal: no request may run out of an array."""
    lengths: dict[str, int] = {"shows": shows}
    for name, array in arrays.items():
        wanted = shapes[name][1]
        if array.ndim != len(wanted):
            return False
        for length, axis in zip(array.shape, wanted, strict=True):
            if length != (axis if isinstance(axis, int) else lengths.setdefault(axis, length)):
                return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
