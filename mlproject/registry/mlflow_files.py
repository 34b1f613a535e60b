"""The files of runs and models of an MLflow server, read through the server.

A server that was started without ``--serve-artifacts`` has its clients go to the store
themselves; MLflow's own client does that.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from mlproject.core.errors import ArtifactError
from mlproject.registry.mlflow_server import CONNECTIONS, MlflowServer

_SCHEME: Final = "mlflow-artifacts"


@dataclass(frozen=True)
class MlflowFiles(MlflowServer):
    """The files that one MLflow server keeps.

    Parameters
    ----------
    uri
        The server's address.
    """

    def fetch(self, location: str, folder: Path) -> bool:
        """Copy everything below a location into ``folder``; return whether there was anything.

        Parameters
        ----------
        location
            As MLflow names it, such as ``mlflow-artifacts:/1/models/m-2f/artifacts``.
        folder
            Where it is to go.

        Raises
        ------
        TrackingUnavailableError
            If the server or its store fails.
        """
        if not _through_server(location):
            return self._fetch_directly(location, folder)
        files = list(self._below(urlsplit(location).path.strip("/")))
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            copied = [threads.submit(self._copy, path, folder / name) for path, name in files]
            try:
                for one in copied:
                    one.result()
            finally:
                threads.shutdown(cancel_futures=True)
        return bool(files)

    def remove(self, location: str) -> None:
        """Delete all that is below a location; nothing there is no error."""
        if not location:  # the working directory, to MLflow's client
            return
        if not _through_server(location):
            self._remove_directly(location)
            return
        with self.answer("DELETE", self._address(urlsplit(location).path.strip("/"))):
            pass

    def _copy(self, path: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.answer("GET", self._address(path)) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)

    def _below(self, path: str, name: str = "") -> Iterator[tuple[str, str]]:
        """Yield the path of each file below a path, and its name from there on."""
        query = urlencode({"path": path})
        with self.answer("GET", f"{self._address('')}?{query}") as answer:
            found = answer.json().get("files", [])
        for entry in found:
            last = entry["path"].rpartition("/")[2]
            if last in {"", ".", ".."}:
                raise ArtifactError(f"MLflow names a file {entry['path']!r}")
            below, full = f"{path}/{last}", f"{name}/{last}".lstrip("/")
            if entry.get("is_dir"):
                yield from self._below(below, full)
            else:
                yield below, full

    def _address(self, path: str) -> str:
        base = f"{self.uri}/api/2.0/mlflow-artifacts/artifacts"
        return f"{base}/{quote(path)}" if path else base

    def _fetch_directly(self, location: str, folder: Path) -> bool:
        with self._repository(location) as repository:
            if not repository.list_artifacts():
                return False
            repository.download_artifacts("", str(folder))
        return True

    def _remove_directly(self, location: str) -> None:
        with self._repository(location) as repository:
            repository.delete_artifacts()

    @contextmanager
    def _repository(self, location: str) -> Iterator[Any]:
        """Yield MLflow's own client of a store, whose errors are raised as this project's."""
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415 - seconds
            get_artifact_repository,
        )

        from mlproject.registry.mlflow_logging import translated  # noqa: PLC0415 - takes seconds

        with translated(self):
            yield get_artifact_repository(location)


def _through_server(location: str) -> bool:
    parts = urlsplit(location)
    return parts.scheme == _SCHEME and not parts.netloc
