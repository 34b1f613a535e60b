"""Fakes of the ports, for our tests and for those of whoever builds on this."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import StoreUnavailableError, VersionNotFoundError
from mlproject.core.ports import ObjectInfo, RunLog
from mlproject.core.runs import RunInfo, VersionInfo


@dataclass
class MemoryStore:
    """Objects in a dictionary; set ``broken`` and every call fails.

    Set ``conditional`` to False for a server that takes conditions and ignores them.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False
    conditional: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def uri(self) -> str:
        """Where the store is."""
        return "memory://"

    def get(self, key: str) -> bytes | None:
        """Return an object's content, None if there is none."""
        self._check()
        return self.objects.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._check()
        self.objects[key] = content

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix with keys after ``start_after``, ascending."""
        self._check()
        for key, content in sorted(self.objects.items()):
            if key.startswith(prefix) and key > start_after:
                yield ObjectInfo(key, len(content), str(hash(content)))

    def delete(self, key: str) -> None:
        """Remove an object; no object is no error."""
        self._check()
        self.objects.pop(key, None)

    def etag(self, key: str) -> str | None:
        """Return the tag of an object's content, None if there is no object."""
        self._check()
        content = self.objects.get(key)
        return None if content is None else str(hash(content))

    def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
        """Write an object if it still has the tag ``expected``."""
        with self._lock:
            if self.conditional and self.etag(key) != expected:
                return False
            self.put(key, content)
            return True

    def keeps_conditions(self, probe_prefix: str) -> bool:  # noqa: ARG002 - nothing to probe
        """Return what :attr:`conditional` says."""
        return self.conditional

    def _check(self) -> None:
        if self.broken:
            raise StoreUnavailableError("the store is set to fail")


@dataclass
class MemoryRegistry:
    """Runs and versions in lists; models are kept below ``folder``."""

    folder: Path
    kept_runs: list[RunInfo] = field(default_factory=list)
    kept_versions: list[VersionInfo] = field(default_factory=list)

    def ping(self) -> None:
        """Do nothing: it is always there."""

    def page(self) -> str:
        """Return an address."""
        return "memory://runs"

    @contextmanager
    def run(self, name: str) -> Iterator[RunLog]:
        """Open a run."""
        log = _MemoryRun(f"run{len(self.kept_runs) + 1}", self.folder)
        status = "FAILED"
        try:
            yield log
            status = "FINISHED"
        except Cancelled:
            status = "KILLED"
            raise
        finally:
            self.kept_runs.append(
                RunInfo(
                    run_id=log.run_id,
                    name=name,
                    status=status,
                    started_at=datetime.now(UTC),
                    metrics=log.kept_metrics,
                    params=log.kept_params,
                    tags=log.kept_tags,
                )
            )

    def end_abandoned(self, by: str) -> int:  # noqa: ARG002
        """Return 0: a run here does not outlive its process."""
        return 0

    def runs(self, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs, newest first."""
        return self.kept_runs[::-1][:limit]

    def find_run(self, run_id: str) -> RunInfo | None:
        """Return a run, None if there is none."""
        return next((run for run in self.kept_runs if run.run_id == run_id), None)

    def versions(self) -> Sequence[VersionInfo]:
        """Return all versions, newest first."""
        return self.kept_versions[::-1]

    def version(self, number: int) -> VersionInfo:
        """Return one version; raise VersionNotFoundError if there is none."""
        if not 1 <= number <= len(self.kept_versions):
            raise VersionNotFoundError(f"no version {number}")
        return self.kept_versions[number - 1]

    def production(self) -> VersionInfo | None:
        """Return the version under the alias ``production``, if there is one."""
        return self._aliased("production")

    def register(self, run_id: str) -> VersionInfo:
        """Make the run's model a version."""
        if not (self.folder / run_id).is_dir():
            raise VersionNotFoundError(f"the run {run_id} has logged no model")
        version = VersionInfo(len(self.kept_versions) + 1, run_id, (), datetime.now(UTC))
        self.kept_versions.append(version)
        return version

    def promote(self, number: int, *, by: str, reason: str) -> VersionInfo:
        """Point ``production`` at a version and ``previous`` at the one before it."""
        wanted, before = self.version(number), self.production()
        if before is not None and before.number == number:
            return before
        tags = {
            "promoted_by": by,
            "reason": reason,
            "promoted_from": str(before.number) if before else "",
        }
        self.kept_versions = [replace(version, aliases=()) for version in self.kept_versions]
        if before is not None:
            self._replace(replace(before, aliases=("previous",)))
        return self._replace(replace(wanted, aliases=("production",), tags=tags))

    def download(self, number: int, folder: Path) -> Path:
        """Copy a version's model files into ``folder``; return the folder that has them."""
        return copytree(self.folder / self.version(number).run_id, folder / "model")

    def _aliased(self, alias: str) -> VersionInfo | None:
        return next((info for info in self.kept_versions if alias in info.aliases), None)

    def _replace(self, version: VersionInfo) -> VersionInfo:
        self.kept_versions[version.number - 1] = version
        return version


@dataclass
class _MemoryRun:
    """An open run of a MemoryRegistry."""

    run_id: str
    folder: Path
    kept_params: dict[str, str] = field(default_factory=dict)
    kept_metrics: dict[str, float] = field(default_factory=dict)
    kept_tags: dict[str, str] = field(default_factory=dict)

    def params(self, values: Mapping[str, Any]) -> None:
        self.kept_params.update({key: str(value) for key, value in values.items()})

    def metrics(self, values: Mapping[str, float]) -> None:
        self.kept_metrics.update(values)

    def tags(self, values: Mapping[str, str]) -> None:
        self.kept_tags.update(values)

    def dataset(self, name: str, digest: str, uri: str) -> None:
        self.kept_tags["dataset"] = f"{name} {digest} {uri}"

    def model(self, folder: Path, example_user: int) -> None:  # noqa: ARG002
        copytree(folder, self.folder / self.run_id)
