"""Runs, versions and decisions in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

from mlproject.core.aliases import PRODUCTION
from mlproject.core.cancel import Cancelled
from mlproject.core.decisions import Decision, Outcome
from mlproject.core.errors import VersionNotFoundError
from mlproject.core.ports import RunLog
from mlproject.core.runs import LoggedModel, RunInfo, VersionInfo, the_one


@dataclass
class MemoryRegistry:
    """Runs, versions and decisions in lists, models below ``folder``.

    Set ``failure`` and every call raises it.
    """

    folder: Path
    kept_runs: list[RunInfo] = field(default_factory=list)
    kept_versions: list[VersionInfo] = field(default_factory=list)
    kept_decisions: list[Decision] = field(default_factory=list)
    dropped_versions: set[int] = field(default_factory=set)
    failure: BaseException | None = None

    def ping(self) -> None:
        """Do nothing: it is there unless it is set to fail."""
        self.check()

    def page(self) -> str:
        """Return an address."""
        self.check()
        return "memory://runs"

    @contextmanager
    def run(self, name: str) -> Iterator[RunLog]:
        """Open a run; if the registry is set to fail meanwhile, it stays open."""
        self.check()
        place = len(self.kept_runs)
        log = _MemoryRun(self, f"run{place + 1}")
        outer = [run.run_id for run in self.kept_runs if run.status == "RUNNING"]
        info = RunInfo(
            run_id=log.run_id,
            name=name,
            status="RUNNING",
            started_at=datetime.now(UTC),
            metrics=log.kept_metrics,
            params=log.kept_params,
            tags=log.kept_tags,
            parent=outer[-1] if outer else "",
        )
        self.kept_runs.append(info)
        status = "FAILED"
        try:
            yield log
            self.check()
            status = "FINISHED"
        except Cancelled:
            status = "KILLED"
            raise
        finally:
            if self.failure is None:
                self.kept_runs[place] = replace(info, status=status)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self.check()
        self.kept_runs = [
            replace(run, name=name) if run.run_id == run_id else run for run in self.kept_runs
        ]

    def amend(self, run_id: str, tags: Mapping[str, str], note: str) -> None:
        """Change tags and the note of a run."""
        self.check()
        self.kept_runs = [
            replace(run, tags={**run.tags, **tags, "note": note}) if run.run_id == run_id else run
            for run in self.kept_runs
        ]

    def end_abandoned(self, by: str) -> int:
        """End the runs that ``by`` left open when it was killed; return how many."""
        self.check()
        ended = 0
        for place, run in enumerate(self.kept_runs):
            if run.status == "RUNNING" and run.tags.get("trained_by") == by:
                self.kept_runs[place] = replace(run, status="KILLED")
                ended += 1
        return ended

    def runs(self, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs, newest first."""
        self.check()
        return self.kept_runs[::-1][:limit]

    def run_id(self, start: str) -> str:
        """Return the id of the run whose id begins like this."""
        self.check()
        ids = [run.run_id for run in self.kept_runs]
        return the_one(start, [run_id for run_id in ids if run_id.startswith(start)])

    def find_run(self, run_id: str) -> RunInfo | None:
        """Return a run, None if there is none."""
        self.check()
        return next((run for run in self.kept_runs if run.run_id == run_id), None)

    def versions(self, limit: int) -> Sequence[VersionInfo]:
        """Return the newest versions, newest first."""
        self.check()
        return self._there()[:limit]

    def versions_of(self, run_ids: Sequence[str]) -> Sequence[VersionInfo]:
        """Return the versions that were made of some runs, newest first."""
        self.check()
        return [info for info in self._there() if info.run_id in run_ids]

    def version(self, number: int) -> VersionInfo:
        """Return one version; raise VersionNotFoundError if there is none."""
        self.check()
        if number in self.dropped_versions or not 1 <= number <= len(self.kept_versions):
            raise VersionNotFoundError(f"no version {number}")
        return self.kept_versions[number - 1]

    def aliased(self, alias: str) -> VersionInfo | None:
        """Return the version under an alias, if there is one."""
        self.check()
        return next((info for info in self._there() if alias in info.aliases), None)

    def production(self) -> VersionInfo | None:
        """Return the version under the alias ``production``, if there is one."""
        return self.aliased(PRODUCTION)

    def point(self, alias: str, number: int) -> None:
        """Point an alias at a version."""
        self.version(number)
        for version in self.kept_versions:
            aliases = {*version.aliases} - {alias}
            if version.number == number:
                aliases.add(alias)
            self._replace(replace(version, aliases=tuple(sorted(aliases))))

    def unpoint(self, alias: str) -> None:
        """Take an alias away; no alias is no error."""
        self.check()
        for version in self.kept_versions:
            self._replace(replace(version, aliases=tuple(sorted({*version.aliases} - {alias}))))

    def tag(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        version = self.version(number)
        self._replace(replace(version, tags={**version.tags, **tags}))

    def register(self, run_id: str) -> VersionInfo:
        """Make the run's model a version."""
        self.check()
        if not (self.folder / run_id).is_dir():
            raise VersionNotFoundError(f"the run {run_id} has logged no model")
        number, now = len(self.kept_versions) + 1, datetime.now(UTC)
        version = VersionInfo(number, run_id, (), created_at=now)
        self.kept_versions.append(version)
        return version

    def models_before(self, instant: datetime, limit: int) -> Sequence[LoggedModel]:
        """Return the oldest models of runs that were logged before an instant."""
        self.check()
        found = [
            LoggedModel(f"model-{run.run_id}", run.run_id, run.started_at)
            for run in self.kept_runs
            if run.started_at < instant and (self.folder / run.run_id).is_dir()
        ]
        return found[:limit]

    def runs_before(self, instant: datetime, limit: int) -> Sequence[RunInfo]:
        """Return the oldest runs that were begun before an instant."""
        self.check()
        return [run for run in self.kept_runs if run.started_at < instant][:limit]

    def runs_with(self, tag: str, value: str, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs whose tag has a value."""
        self.check()
        return [run for run in self.kept_runs[::-1] if run.tags.get(tag) == value][:limit]

    def drop_version(self, number: int) -> None:
        """Delete a version, and leave its run and its model."""
        self.check()
        self.dropped_versions.add(number)

    def drop_model(self, model: LoggedModel) -> None:
        """Delete a model."""
        self.check()
        rmtree(self.folder / model.run_id, ignore_errors=True)

    def drop_run(self, run: RunInfo) -> None:
        """Delete a run; from several threads too."""
        self.check()
        for known in [one for one in self.kept_runs if one.run_id == run.run_id]:
            self.kept_runs.remove(known)

    def decisions(self, limit: int) -> Sequence[Decision]:
        """Return the newest decisions, the oldest first."""
        self.check()
        return sorted(self.kept_decisions, key=lambda one: (one.at, one.decision_id))[-limit:]

    def note(self, decision: Decision) -> Decision:
        """Add a decision; return it with its id."""
        self.check()
        noted = replace(
            decision,
            decision_id=f"decision{len(self.kept_decisions) + 1}",
            outcome=Outcome.OPEN,
        )
        self.kept_decisions.append(noted)
        return noted

    def conclude(self, decision: Decision) -> None:
        """Note how far a decision has been carried out."""
        self.check()
        for place, kept in enumerate(self.kept_decisions):
            if kept.decision_id == decision.decision_id:
                self.kept_decisions[place] = replace(kept, outcome=decision.outcome)

    def download(self, number: int, folder: Path) -> Path:
        """Copy a version's model files into ``folder``; return the folder that has them."""
        return copytree(self.folder / self.version(number).run_id, folder / "model")

    def _there(self) -> list[VersionInfo]:
        """Return what was not deleted, newest first."""
        return [
            info for info in self.kept_versions[::-1] if info.number not in self.dropped_versions
        ]

    def _replace(self, version: VersionInfo) -> None:
        self.kept_versions[version.number - 1] = version

    def check(self) -> None:
        """Raise what the registry is set to fail with."""
        if self.failure is not None:
            raise self.failure


@dataclass
class _MemoryRun:
    """An open run of a MemoryRegistry."""

    registry: MemoryRegistry
    run_id: str
    kept_params: dict[str, str] = field(default_factory=dict)
    kept_metrics: dict[str, float] = field(default_factory=dict)
    kept_tags: dict[str, str] = field(default_factory=dict)

    def params(self, values: Mapping[str, Any]) -> None:
        self.registry.check()
        self.kept_params.update({key: str(value) for key, value in values.items()})

    def metrics(self, values: Mapping[str, float]) -> None:
        self.registry.check()
        self.kept_metrics.update(values)

    def tags(self, values: Mapping[str, str]) -> None:
        self.registry.check()
        self.kept_tags.update(values)

    def note(self, text: str) -> None:
        self.registry.check()
        self.kept_tags["note"] = text

    def dataset(self, name: str, digest: str, uri: str) -> None:
        self.registry.check()
        self.kept_tags["dataset"] = f"{name} {digest} {uri}"

    def artifacts(self, folder: Path) -> None:
        self.registry.check()
        copytree(folder, self.registry.folder / f"{self.run_id}-{folder.name}")

    def text(self, name: str, text: str) -> None:
        self.registry.check()
        (self.registry.folder / f"{self.run_id}-{name}").write_text(text, encoding="utf-8")

    def model(self, folder: Path) -> None:
        self.registry.check()
        copytree(folder, self.registry.folder / self.run_id)
