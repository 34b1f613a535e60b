"""A trained model as files: arrays and JSON, each with its checksum, nothing pickled.

::

    manifest.json       format, shapes, dtypes and SHA-256 of the files below
    user_ids.npy        int64    (users,)        ascending
    show_ids.npy        int64    (shows,)        ascending
    user_factors.npy    float32  (users, d)
    show_factors.npy    float32  (shows, d)
    show_biases.npy     float32  (shows,)
    popularity.npy      float32  (shows,)
    seen_indptr.npy     int64    (users + 1,)
    seen_rows.npy       int32    (ratings,)
    shows.json          one object a show, in row order
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import ArtifactError
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SHOWS: Final = "shows.json"

_ARRAYS: Final = {
    "user_ids": "int64",
    "show_ids": "int64",
    "user_factors": "float32",
    "show_factors": "float32",
    "show_biases": "float32",
    "popularity": "float32",
    "seen_indptr": "int64",
    "seen_rows": "int32",
}


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write a model into an existing folder."""
    arrays: dict[str, NDArray[Any]] = {
        "user_ids": model.users.ids,
        "show_ids": model.shows.ids,
        **{name: getattr(model, name) for name in list(_ARRAYS)[2:]},
    }
    files: dict[str, dict[str, Any]] = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        np.save(path, array.astype(_ARRAYS[name], copy=False), allow_pickle=False)
        files[path.name] = {
            "sha256": _sha256(path),
            "shape": list(array.shape),
            "dtype": _ARRAYS[name],
        }
    shows = folder / SHOWS
    shows.write_text(json.dumps(model.cards, ensure_ascii=False), encoding="utf-8")
    files[SHOWS] = {"sha256": _sha256(shows)}
    manifest = {"format": FORMAT, "kind": "factors", "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def load_model(folder: Path) -> TrainedModel:
    """Read a model back, checking that nothing is missing or altered.

    The arrays are memory-mapped, so that processes on one machine share them.

    Raises
    ------
    ArtifactError
        If a file is missing or differs from its checksum, if the arrays do not fit
        each other, or if the format is of a later version.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise ArtifactError(
                f"{folder} is of format {manifest['format']}, this program reads {FORMAT}"
            )
        for name in (*(f"{array}.npy" for array in _ARRAYS), SHOWS):
            if _sha256(folder / name) != manifest["files"][name]["sha256"]:
                raise ArtifactError(f"{folder / name} differs from its checksum")
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in _ARRAYS
        }
        cards = tuple(json.loads((folder / SHOWS).read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"the model in {folder} cannot be read: {error}") from error
    if any(array.dtype != _ARRAYS[name] for name, array in arrays.items()):
        raise ArtifactError(f"the arrays of the model in {folder} are not of the types wanted")
    model = TrainedModel(
        users=IdMap(arrays.pop("user_ids")),
        shows=IdMap(arrays.pop("show_ids")),
        cards=cards,
        **arrays,
    )
    if not _fits(model):
        raise ArtifactError(f"the arrays of the model in {folder} do not fit each other")
    return model


def _fits(model: TrainedModel) -> bool:
    """Tell whether shapes and row numbers agree: no request may run out of an array."""
    users, shows = model.users.ids.size, model.shows.ids.size
    d = model.user_factors.shape[-1] if model.user_factors.ndim else 0
    shapes_fit = (
        model.users.ids.ndim == model.shows.ids.ndim == model.seen_rows.ndim == 1
        and model.user_factors.shape == (users, d)
        and model.show_factors.shape == (shows, d)
        and model.show_biases.shape == (shows,)
        and model.popularity.shape == (shows,)
        and model.seen_indptr.shape == (users + 1,)
        and len(model.cards) == shows
    )
    return shapes_fit and bool(
        (np.diff(model.users.ids) > 0).all()
        and (np.diff(model.shows.ids) > 0).all()
        and model.seen_indptr[0] == 0
        and model.seen_indptr[-1] == len(model.seen_rows)
        and (np.diff(model.seen_indptr) >= 0).all()
        and (model.seen_rows >= 0).all()
        and (model.seen_rows < shows).all()
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
