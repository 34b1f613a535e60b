"""Versions of the model in MLflow's registry, and their aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from mlproject.core.aliases import PREVIOUS, PRODUCTION
from mlproject.core.errors import ArtifactError, VersionNotFoundError
from mlproject.core.runs import VersionInfo
from mlproject.registry.mlflow_server import NOT_FOUND, MlflowServer

# An alias that is not there is INVALID_PARAMETER_VALUE to MLflow; no model is not found.
_NO_ALIAS: Final = {NOT_FOUND, "INVALID_PARAMETER_VALUE"}


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

    def versions(self) -> Sequence[VersionInfo]:
        """Return all versions, newest first."""
        with self.translated():
            client = self.client
            found = client.search_model_versions(f"name = '{self.model}'")
            try:
                aliases = client.get_registered_model(self.model).aliases
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise
                return []
        infos = [_version_info(version, aliases) for version in found]
        return sorted(infos, key=lambda info: -info.number)

    def version(self, number: int) -> VersionInfo:
        """Return one version; raise VersionNotFoundError if there is none."""
        versions = self.versions()
        for info in versions:
            if info.number == number:
                return info
        known = ", ".join(str(info.number) for info in versions) or "none"
        raise VersionNotFoundError(
            f"{self.model} has no version {number}; there is {known} (see `tvrec runs`)"
        )

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
        """Point an alias at a version."""
        with self.translated():
            self.client.set_registered_model_alias(self.model, alias, str(number))

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
                outputs = client.get_run(run_id).outputs
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise
                raise VersionNotFoundError(f"there is no run {run_id}; see `tvrec runs`") from error
            if not outputs or not outputs.model_outputs:
                raise VersionNotFoundError(f"the run {run_id} has logged no model")
            model_id = outputs.model_outputs[0].model_id
            try:
                client.get_registered_model(self.model)
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise
                client.create_registered_model(self.model)
            version = client.create_model_version(
                self.model, f"models:/{model_id}", run_id, model_id=model_id
            )
        return _version_info(version, {})

    def promote(self, number: int, *, by: str, reason: str) -> VersionInfo:
        """Point ``production`` at a version and ``previous`` at the one before it.

        To promote what is in production already changes nothing.
        """
        self.version(number)
        before = self.production()
        if before is not None and before.number == number:
            return before
        tags = {
            "promoted_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "promoted_by": by,
            "promoted_from": str(before.number) if before else "",
            "reason": reason,
        }
        with self.translated():
            client = self.client
            for key, value in tags.items():
                client.set_model_version_tag(self.model, str(number), key, value)
            if before is not None:
                client.set_registered_model_alias(self.model, PREVIOUS, str(before.number))
            # Last, since it is what the service looks at.
            client.set_registered_model_alias(self.model, PRODUCTION, str(number))
        return self.version(number)

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
            try:
                path = mlflow.artifacts.download_artifacts(
                    artifact_uri=f"models:/{self.model}/{number}/artifacts", dst_path=str(folder)
                )
            except MlflowException as error:
                if error.error_code != NOT_FOUND:
                    raise
                raise VersionNotFoundError(f"{self.model} has no version {number}") from error
        # MLflow keeps a folder under the name that it had when it was logged.
        folders = [entry for entry in Path(path).iterdir() if entry.is_dir()]
        if len(folders) != 1:
            raise ArtifactError(f"MLflow has no model files of version {number} of {self.model}")
        return folders[0]


def _version_info(version: ModelVersion, aliases: Mapping[str, str]) -> VersionInfo:
    return VersionInfo(
        number=int(version.version),
        run_id=version.run_id or "",
        aliases=tuple(
            sorted(alias for alias, number in aliases.items() if number == version.version)
        ),
        tags=dict(version.tags),
    )
