"""Versions on the local disk, so that a restart needs no registry."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mlproject.core.errors import ArtifactError, StoreUnavailableError
from mlproject.core.model import TrainedModel
from mlproject.core.runs import VersionInfo
from mlproject.models.files import MEASURED, load_model

log = logging.getLogger(__name__)

KEPT: Final = 2
_CURRENT: Final = "current.json"


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version that is on this disk.

    Parameters
    ----------
    number, model
        The version and its content.
    about
        What was known of it when it was loaded.
    """

    number: int
    model: TrainedModel
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCache:
    """A folder with the newest versions that were loaded from here.

    Parameters
    ----------
    folder
        Where they are; made when needed. Several processes may share it.
    download
        Copies the files of a version into a folder and returns the folder that has
        them: ``download(number, folder)``.
    """

    folder: Path
    download: Callable[[int, Path], Path]

    def load(self, version: VersionInfo, about: Mapping[str, Any] | None = None) -> TrainedModel:
        """Return a version's model, downloaded unless it is here.

        Parameters
        ----------
        version
            Which.
        about
            What :meth:`last` returns with it; JSON.

        Raises
        ------
        ArtifactError
            If its files are incomplete or altered.
        StoreUnavailableError
            If the folder cannot be written.
        """
        return self._load(version, lambda place: place, about or {})

    def load_measured(self, version: VersionInfo) -> TrainedModel:
        """Return the model that was measured when a version was made.

        What the version serves may be another: the same recipe, fitted once more on everything,
        the holdout included. See :mod:`mlproject.pipelines.making`.

        Raises
        ------
        ArtifactError, StoreUnavailableError
            As :meth:`load` raises them.
        """

        def files(place: Path) -> Path:
            return place / MEASURED if (place / MEASURED).is_dir() else place

        return self._load(version, files, {})

    def _load(
        self,
        version: VersionInfo,
        files: Callable[[Path], Path],
        about: Mapping[str, Any],
    ) -> TrainedModel:
        # The run's id is part of the name: after a reset the registry counts from 1 again.
        place = self.folder / f"{version.number}-{version.run_id}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not place.is_dir():
                self._fetch(version.number, place)
            model = load_model(files(place))
            self._remember(version, place, about)
        except ArtifactError:
            shutil.rmtree(place, ignore_errors=True)  # so that the next try fetches it anew
            raise
        except OSError as error:
            raise StoreUnavailableError(f"cannot write {self.folder}: {error}") from error
        return model

    def last(self) -> KeptVersion | None:
        """Return the version that was loaded last, None if there is none."""
        try:
            current = json.loads((self.folder / _CURRENT).read_text())
            model = load_model(self.folder / current["folder"])
            # A note of an older release tells nothing more.
            return KeptVersion(int(current["version"]), model, dict(current.get("about", {})))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, ArtifactError) as error:
            log.warning("the model kept in %s cannot be used: %s", self.folder, error)
            return None

    def _fetch(self, number: int, place: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=self.folder) as unfinished:
            files = self.download(number, Path(unfinished))
            load_model(files)
            try:
                files.rename(place)
            except OSError:
                if not place.is_dir():  # else another worker was faster
                    raise

    def _remember(self, version: VersionInfo, place: Path, about: Mapping[str, Any]) -> None:
        note = self.folder / f".{_CURRENT}.{os.getpid()}"
        told = {"version": version.number, "folder": place.name, "about": about}
        note.write_text(json.dumps(told))
        note.replace(self.folder / _CURRENT)
        versions = sorted(
            (path for path in self.folder.iterdir() if path.is_dir() and path.name[0] != "."),
            key=lambda path: path.stat().st_mtime,
        )
        for old in versions[:-KEPT]:
            if old != place:
                shutil.rmtree(old, ignore_errors=True)
