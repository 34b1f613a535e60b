"""What is known of a show, as numbers."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction import DictVectorizer

from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue

_YEAR_BIN: Final = 5
_EPISODE_BINS: Final = (1, 2, 13, 27, 101)
_EPISODE_NAMES: Final = ("1", "2-12", "13-26", "27-100", "101+")


def show_features(catalogue: Catalogue, *, weight: float) -> sparse.csr_array:
    """Describe each show by itself and by its metadata.

    The first columns are the identity, so that a show with ratings has a vector of its
    own; the rest are genre, type, era, length, network and country, scaled so that the
    metadata of a show adds up to ``weight``. With equal weights the metadata drowns
    the identity, and shows of one genre become the same show.

    Parameters
    ----------
    catalogue
        The shows.
    weight
        At least 0; 0 = identity alone.

    Returns
    -------
    scipy.sparse.csr_array
        float32, shape ``(shows, shows + metadata)``.
    """
    identity = sparse.eye_array(len(catalogue), dtype=np.float32, format="csr")
    if weight == 0:
        return identity
    described = DictVectorizer(dtype=np.float32).fit_transform(_descriptions(catalogue))
    metadata = sparse.csr_array(described)
    counts: NDArray[np.float32] = np.maximum(metadata.sum(axis=1), 1).astype(np.float32)
    scaled = sparse.diags_array(weight / counts, dtype=np.float32) @ metadata
    return sparse.csr_array(sparse.hstack([identity, scaled], format="csr", dtype=np.float32))


def genre_matrix(catalogue: Catalogue) -> NDArray[np.bool_]:
    """Tell which genres each show has, bool, shape ``(shows, genres)``."""
    genres = [
        set(text.split(GENRE_SEPARATOR)) - {""} for text in catalogue.frame[c.GENRES].tolist()
    ]
    names = sorted(set().union(*genres))
    columns = {name: column for column, name in enumerate(names)}
    matrix = np.zeros((len(genres), len(names)), dtype=np.bool_)
    for row, of_show in enumerate(genres):
        matrix[row, [columns[name] for name in of_show]] = True
    return matrix


def _descriptions(catalogue: Catalogue) -> list[dict[str, float]]:
    """Name the features of each show: ``{"genre=Crime": 1, "type=Scripted": 1, ...}``."""
    frame = catalogue.frame
    years = (frame[c.FIRST_YEAR] // _YEAR_BIN * _YEAR_BIN).astype("str")
    episodes = frame[c.EPISODES].to_numpy(dtype=np.float64, na_value=0)
    lengths = np.where(
        episodes > 0,
        np.array(("", *_EPISODE_NAMES))[np.searchsorted(_EPISODE_BINS, episodes, side="right")],
        "",
    )
    singles: dict[str, list[str]] = {
        "type": frame[c.TYPE].tolist(),
        "network": frame[c.NETWORK].tolist(),
        "country": frame[c.COUNTRY].tolist(),
        "since": years.where(frame[c.FIRST_YEAR].notna(), "").tolist(),
        "episodes": lengths.tolist(),
    }
    described = [
        {f"genre={genre}": 1.0 for genre in genres.split(GENRE_SEPARATOR) if genre}
        for genres in frame[c.GENRES]
    ]
    for name, values in singles.items():
        for features, value in zip(described, values, strict=True):
            if value:
                features[f"{name}={value}"] = 1.0
    return described
