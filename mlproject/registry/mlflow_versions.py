"""Versions of the model in MLflow's registry, and their aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mlproject.core.aliases import PRODUCTION
from mlproject.core.errors import ArtifactError, VersionNotFoundError
from mlproject.core.runs import VersionInfo
from mlproject.registry.mlflow_files import MlflowFiles
from mlproject.registry.mlflow_server import NOTE, pairs

_DESCRIPTION: Final = (
    "Ranks TV shows for a person by what they have rated. What has the alias `production` is "
    "served; `tvrec history` tells who put it there and why."
)
_LOGGED_MODEL: Final = "models:/"
_PAGE: Final = 1000
_MOST: Final = 1_000_000
# Their ids are part of the address of one request.
_RUNS_A_QUERY: Final = 50


@dataclass(frozen=True, kw_only=True)
class MlflowVersions(MlflowFiles):
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
        return _version_info(self._version(number))

    def aliased(self, alias: str) -> VersionInfo | None:
        """Return the version under an alias, if there is one."""
        answer = self.find("GET", "registered-models/alias", self._fields(alias=alias))
        return _version_info(answer["model_version"], (alias,)) if answer else None

    def production(self) -> VersionInfo | None:
        """Return the version under the alias ``production``, if there is one."""
        return self.aliased(PRODUCTION)

    def point(self, alias: str, number: int) -> None:
        """Point an alias at a version; raise VersionNotFoundError if there is none."""
        fields = self._fields(alias=alias, version=str(number))
        if self.find("POST", "registered-models/alias", fields) is None:
            raise VersionNotFoundError(f"{self.model} has no version {number}")

    def unpoint(self, alias: str) -> None:
        """Take an alias away; no alias is no error."""
        self.find("DELETE", "registered-models/alias", self._fields(alias=alias))

    def tag(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in tags.items():
            fields = self._fields(version=str(number), key=key, value=value)
            self.ask("POST", "model-versions/set-tag", fields)

    def register(self, run_id: str) -> VersionInfo:
        """Make the run's model a version.

        Raises
        ------
        VersionNotFoundError
            If there is no such run, or it has logged no model.
        """
        answer = self.find("GET", "runs/get", {"run_id": run_id})
        if answer is None:
            raise VersionNotFoundError(f"there is no run {run_id}; see `tvrec runs`")
        run = answer["run"]
        models = run.get("outputs", {}).get("model_outputs", ())
        if not models:
            raise VersionNotFoundError(f"the run {run_id} has logged no model")
        model_id = models[0]["model_id"]
        if self._registered() is None:
            fields = self._fields(description=_DESCRIPTION)
            self.find("POST", "registered-models/create", fields, {"RESOURCE_ALREADY_EXISTS"})
        made = self.ask(
            "POST",
            "model-versions/create",
            self._fields(
                source=f"{_LOGGED_MODEL}{model_id}",
                run_id=run_id,
                description=pairs(run["data"].get("tags", ())).get(NOTE),
                model_id=model_id,
            ),
        )
        return _version_info(made["model_version"], ())

    def download(self, number: int, folder: Path) -> Path:
        """Copy a version's model files into ``folder``; return the folder that has them.

        Raises
        ------
        VersionNotFoundError
            If there is no such version.
        ArtifactError
            If MLflow has the version and not its files.
        """
        source = self._version(number).get("source", "")
        model_id = source.removeprefix(_LOGGED_MODEL)
        known = source.startswith(_LOGGED_MODEL) and "/" not in model_id
        answer = self.find("GET", f"logged-models/{model_id}") if known else None
        if answer is None:
            raise self._no_files(number)
        folder.mkdir(parents=True, exist_ok=True)
        self.fetch(f"{answer['model']['info']['artifact_uri']}/artifacts", folder)
        # MLflow keeps a folder under the name that it had when it was logged.
        folders = [entry for entry in folder.iterdir() if entry.is_dir()]
        if len(folders) != 1:
            raise self._no_files(number)
        return folders[0]

    def _version(self, number: int) -> Mapping[str, Any]:
        answer = self.find("GET", "model-versions/get", self._fields(version=str(number)))
        if answer is None:
            raise VersionNotFoundError(
                f"{self.model} has no version {number}; `tvrec versions` lists them"
            )
        found: Mapping[str, Any] = answer["model_version"]
        return found

    def _no_files(self, number: int) -> ArtifactError:
        return ArtifactError(f"MLflow has no model files of version {number} of {self.model}")

    def _fields(self, **fields: Any) -> dict[str, Any]:
        return {"name": self.model, **fields}

    def _registered(self) -> Mapping[str, Any] | None:
        """Return the registered model; by a search, since to get it reads all its versions."""
        fields = {"filter": f"name = '{self.model}'"}
        found = self.ask("GET", "registered-models/search", fields).get("registered_models", ())
        return found[0] if found else None

    def _search(self, query: str, limit: int) -> list[VersionInfo]:
        """Return what is found, newest first, a page at a time."""
        known = self._registered()
        infos: list[VersionInfo] = []
        if known is None:
            return infos
        aliases: dict[str, list[str]] = {}
        for one in known.get("aliases", ()):
            aliases.setdefault(one["version"], []).append(one["alias"])
        token = None
        while len(infos) < limit:
            answer = self.ask(
                "GET",
                "model-versions/search",
                {
                    "filter": query,
                    "max_results": min(_PAGE, limit - len(infos)),
                    "order_by": "version_number DESC",
                    "page_token": token,
                },
            )
            infos += [
                _version_info(version, aliases.get(version["version"], ()))
                for version in answer.get("model_versions", ())
            ]
            token = answer.get("next_page_token")
            if not token:
                break
        return infos


def _version_info(version: Mapping[str, Any], aliases: Sequence[str] | None = None) -> VersionInfo:
    """Return a version as a record; its aliases are its own unless they are given."""
    known = version.get("aliases", ()) if aliases is None else aliases
    return VersionInfo(
        number=int(version["version"]),
        run_id=version.get("run_id", ""),
        aliases=tuple(sorted(known)),
        tags=pairs(version.get("tags", ())),
        created_at=datetime.fromtimestamp(int(version["creation_timestamp"]) / 1000, UTC),
    )
