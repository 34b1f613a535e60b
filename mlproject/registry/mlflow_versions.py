"""Versions of the model in MLflow's registry, and their aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import mlflow
import requests
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException

from mlproject.core.aliases import PRODUCTION
from mlproject.core.errors import ArtifactError, VersionNotFoundError
from mlproject.core.runs import VersionInfo
from mlproject.registry.mlflow_runs import NOTE
from mlproject.registry.mlflow_server import NOT_FOUND, MlflowServer

# An alias that is not there is INVALID_PARAMETER_VALUE to MLflow; no model is not found.
_NO_ALIAS: Final = {NOT_FOUND, "INVALID_PARAMETER_VALUE"}
# So is a version 0.
_NO_VERSION: Final = {NOT_FOUND, "INVALID_PARAMETER_VALUE"}
_DESCRIPTION: Final = (
    "Ranks TV shows for a person by what they have rated. What has the alias `production` is "
    "served; `tvrec history` tells who put it there and why."
)
_PAGE: Final = 1000
_MOST: Final = 1_000_000
# Their ids are part of the address of one request.
_RUNS_A_QUERY: Final = 50


@dataclass(frozen=True, kw_only=True)
class MlflowVersions(MlflowServer):
    """A registered model of an MLflow server.

    Parameters
    ----------
    uri
        The server's address.
    model
        Name of the registered model.
    """

    model: str

    def versions(self, limit: int) -> Sequence[VersionInfo]:
        """Return the newest versions, newest first."""
        return self._search(f"name = '{self.model}'", limit)

    def versions_of(self, run_ids: Sequence[str]) -> Sequence[VersionInfo]:
        """Return the versions that were made of some runs, newest first."""
        found: list[VersionInfo] = []
        for start in range(0, len(run_ids), _RUNS_A_QUERY):
            some = ", ".join(f"'{run_id}'" for run_id in run_ids[start : start + _RUNS_A_QUERY])
            found += self._search(f"name = '{self.model}' and run_id IN ({some})", _MOST)
        return sorted(found, key=lambda info: -info.number)

    def version(self, number: int) -> VersionInfo:
        """Return one version; raise VersionNotFoundError if there is none."""
        with self.translated():
            try:
                found = self.client.get_model_version(self.model, str(number))
            except MlflowException as error:
                if error.error_code not in _NO_VERSION:
                    raise
                raise VersionNotFoundError(
                    f"{self.model} has no version {number}; `tvrec versions` lists them"
                ) from error
        return _version_info(found, dict.fromkeys(found.aliases, found.version))

    def aliased(self, alias: str) -> VersionInfo | None:
        """Return the version under an alias, if there is one."""
        with self.translated():
            try:
                found = self.client.get_model_version_by_alias(self.model, alias)
            except MlflowException as error:
                if error.error_code in _NO_ALIAS:
                    return None
                raise
        return _version_info(found, {alias: found.version})

    def production(self) -> VersionInfo | None:
        """Return the version under the alias ``production``, if there is one."""
        return self.aliased(PRODUCTION)

    def point(self, alias: str, number: int) -> None:
        """Point an alias at a version; raise VersionNotFoundError if there is none."""
        with self.translated():
            try:
                self.client.set_registered_model_alias(self.model, alias, str(number))
            except MlflowException as error:
                if error.error_code not in _NO_VERSION:
                    raise
                raise VersionNotFoundError(f"{self.model} has no version {number}") from error

    def unpoint(self, alias: str) -> None:
        """Take an alias away; no alias is no error."""
        with self.translated():
            try:
                self.client.delete_registered_model_alias(self.model, alias)
            except MlflowException as error:
                if error.error_code not in _NO_ALIAS:
                    raise

    def tag(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self.translated():
            for key, value in tags.items():
                self.client.set_model_version_tag(self.model, str(number), key, value)

    def register(self, run_id: str) -> VersionInfo:
        """Make the run's model a version.

        Raises
        ------
        VersionNotFoundError
            If there is no such run, or it has logged no model.
        """
        with self.translated():
            client = self.client
            try:
                run = client.get_run(run_id)
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise
                raise VersionNotFoundError(f"there is no run {run_id}; see `tvrec runs`") from error
            outputs = run.outputs
            if not outputs or not outputs.model_outputs:
                raise VersionNotFoundError(f"the run {run_id} has logged no model")
            model_id = outputs.model_outputs[0].model_id
            if self._registered() is None:
                client.create_registered_model(self.model, description=_DESCRIPTION)
            version = client.create_model_version(
                self.model,
                f"models:/{model_id}",
                run_id,
                description=run.data.tags.get(NOTE),
                model_id=model_id,
            )
        return _version_info(version, {})

    def download(self, number: int, folder: Path) -> Path:
        """Copy a version's model files into ``folder``; return the folder that has them.

        Raises
        ------
        VersionNotFoundError
            If there is no such version.
        ArtifactError
            If MLflow has the version and not its files.
        """
        with self.translated():
            mlflow.set_tracking_uri(self.uri)
            found = self._version(number)
            try:
                path = mlflow.artifacts.download_artifacts(
                    artifact_uri=f"models:/{self.model}/{number}/artifacts", dst_path=str(folder)
                )
            except (MlflowException, requests.RequestException) as error:
                # MLflow says the same of files that are not there and of a store that is away.
                model_id = (found.source or "").removeprefix("models:/")
                if self.client.list_logged_model_artifacts(model_id, "artifacts"):
                    raise
                raise self._no_files(number) from error
        # MLflow keeps a folder under the name that it had when it was logged.
        folders = [entry for entry in Path(path).iterdir() if entry.is_dir()]
        if len(folders) != 1:
            raise self._no_files(number)
        return folders[0]

    def _version(self, number: int) -> ModelVersion:
        try:
            return self.client.get_model_version(self.model, str(number))
        except MlflowException as error:
            if error.error_code not in _NO_VERSION:
                raise
            raise VersionNotFoundError(
                f"{self.model} has no version {number}; `tvrec versions` lists them"
            ) from error

    def _no_files(self, number: int) -> ArtifactError:
        return ArtifactError(f"MLflow has no model files of version {number} of {self.model}")

    def _registered(self) -> RegisteredModel | None:
        """Return the registered model; by a search, since to get it reads all its versions."""
        found = self.client.search_registered_models(f"name = '{self.model}'")
        return found[0] if found else None

    def _search(self, query: str, limit: int) -> list[VersionInfo]:
        """Return what is found, newest first, a page at a time."""
        infos: list[VersionInfo] = []
        token: str | None = None
        with self.translated():
            client, known = self.client, self._registered()
            if known is None:
                return []
            while len(infos) < limit:
                page = client.search_model_versions(
                    query,
                    max_results=min(_PAGE, limit - len(infos)),
                    order_by=["version_number DESC"],
                    page_token=token,
                )
                infos += [_version_info(version, known.aliases) for version in page]
                token = page.token
                if not token:
                    break
        return infos


def _version_info(version: ModelVersion, aliases: Mapping[str, str]) -> VersionInfo:
    return VersionInfo(
        number=int(version.version),
        run_id=version.run_id or "",
        aliases=tuple(
            sorted(alias for alias, number in aliases.items() if number == version.version)
        ),
        tags=dict(version.tags),
        created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
    )
