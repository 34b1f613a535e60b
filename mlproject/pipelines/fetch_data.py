"""Public data sets, fetched once."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mlproject.core.errors import UnavailableError
from mlproject.http_client import request

ANIME: Final = (
    "https://www.kaggle.com/api/v1/datasets/download/CooperUnion/anime-recommendations-database"
)
FILES: Final = ("anime.csv", "rating.csv")

_BLOCK: Final = 1 << 16
_TIMEOUT_S: Final = 30.0
_OK: Final = 200


def fetch_anime(
    folder: Path,
    *,
    url: str = ANIME,
    on_progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> tuple[Path, Path]:
    """Download the anime data set unless it is here.

    Parameters
    ----------
    folder
        Where ``anime.csv`` and ``rating.csv`` go.
    url
        Address of the zip.
    on_progress
        Called with the bytes done and the bytes in all (None if the server does not say).

    Returns
    -------
    tuple of Path
        The catalogue and the ratings.

    Raises
    ------
    UnavailableError
        If it cannot be downloaded, or what came is not the data set.
    """
    wanted = (folder / FILES[0], folder / FILES[1])
    if all(path.exists() for path in wanted):
        return wanted
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"cannot write {folder}: {error.strerror}") from error
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
        archive = Path(unfinished) / "archive.zip"
        try:
            _download(url, archive, on_progress)
            with zipfile.ZipFile(archive) as zipped:
                for name in FILES:
                    with zipped.open(name) as source, (Path(unfinished) / name).open("wb") as to:
                        shutil.copyfileobj(source, to)
        except (UnavailableError, OSError) as error:
            raise UnavailableError(
                f"cannot download {url}: {error}. Without a network, download it in a browser "
                f"and put {' and '.join(FILES)} into {folder}"
            ) from error
        except (zipfile.BadZipFile, zlib.error, KeyError) as error:
            raise UnavailableError(f"what came from {url} is not the data set: {error}") from error
        for name, path in zip(FILES, wanted, strict=True):
            (Path(unfinished) / name).replace(path)
    return wanted


def _download(url: str, path: Path, on_progress: Callable[[int, int | None], None]) -> None:
    with request("GET", url, timeout_s=_TIMEOUT_S) as answer, path.open("wb") as file:
        if answer.status != _OK:
            raise UnavailableError(f"HTTP status {answer.status}")
        length = answer.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        for block in answer.stream(_BLOCK):
            file.write(block)
            done += len(block)
            on_progress(done, total)
