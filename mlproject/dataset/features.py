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


def show_metadata(catalogue: Catalogue) -> sparse.csr_array:
    """Describe each show by its genres, type, era, length, network and country.

    Returns
    -------
    scipy.sparse.csr_array
        float32, shape ``(shows, features)``: 1 where a show has the feature.
    """
    described = DictVectorizer(dtype=np.float32).fit_transform(_descriptions(catalogue))
    return sparse.csr_array(described)


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
