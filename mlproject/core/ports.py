"""What the stages need from the world, as protocols; their adapters live above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlproject.core.decisions import Decision
from mlproject.core.runs import LoggedModel, RunInfo, VersionInfo

if TYPE_CHECKING:
    # They need pandas, which the service does without.
    from mlproject.core.catalogue import Catalogue
    from mlproject.core.ratings import RatingFrame


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object in a listing.

    Parameters
    ----------
    key
        Its name.
    size
        Bytes.
    etag
        A tag of its content.
    written_at
        Seconds since 1970 by the clock of the store; 0 = not known.
    """

    key: str
    size: int
    etag: str
    written_at: float = 0.0


class ObjectStore(Protocol):
    """Named objects, replaced as a whole. Every method raises StoreUnavailableError on failure."""

    @property
    def uri(self) -> str:
        """Where the store is, for people."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return an object's content, None if there is none."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write an object whole, replacing an older one: readers see old or new."""
        ...

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under a prefix with keys after ``start_after``, ascending."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; no object is no error."""
        ...

    def etag(self, key: str) -> str | None:
        """Return the tag of an object's content, None if there is no object."""
        ...

    def put_if(self, key: str, content: bytes, expected: str | None) -> bool:
        """Write an object if it still has the tag ``expected``; None = if there is none.

        Take the tag before reading the object, and a change between the two makes the
        write fail rather than get lost. Returns whether it was written; if the store does
        not answer, it may have been all the same.
        """
        ...

    def remove_unfinished(self, older_seconds: float) -> None:
        """Remove what killed writers have left, if it is older than that many seconds."""
        ...

    def keeps_conditions(self, probe_prefix: str) -> bool:
        """Tell whether :meth:`put_if` means anything to the server behind the store.

        Some servers that speak S3 take conditions and ignore them; small writes below
        ``probe_prefix`` find out.
        """
        ...


class RatingSource(Protocol):
    """A stream of ratings that can be read from any position, with the same result."""

    @property
    def backlog(self) -> int:
        """How many events belong to the past and are sent at once."""
        ...

    def read(self, position: int, limit: int) -> RatingFrame:
        """Return up to ``limit`` events from ``position``; none at the end."""
        ...


class RatingSink(Protocol):
    """Where events are sent."""

    @property
    def position(self) -> int:
        """How many events are durable."""
        ...

    def append(self, ratings: RatingFrame) -> None:
        """Take events over; they may be buffered."""
        ...

    def flush(self) -> None:
        """Make every event taken over durable before returning."""
        ...


class CatalogueSource(Protocol):
    """Where the metadata of shows comes from."""

    def read(self) -> Catalogue:
        """Return the whole catalogue; raise CatalogueError if it cannot be used."""
        ...


class RunLog(Protocol):
    """An open run that can be written to."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        ...

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters."""
        ...

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log metrics."""
        ...

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        ...

    def note(self, text: str) -> None:
        """Set what a person reads of the run first, Markdown."""
        ...

    def dataset(self, name: str, digest: str, uri: str) -> None:
        """Log which data was used."""
        ...

    def artifacts(self, folder: Path) -> None:
        """Log the files of a folder, under its name."""
        ...

    def text(self, name: str, text: str) -> None:
        """Log a text as a file."""
        ...

    def model(self, folder: Path) -> None:
        """Log the folder of a model's files as the run's model."""
        ...


class RunTracker(Protocol):
    """Runs. Every method raises TrackingUnavailableError if the server fails."""

    def ping(self) -> None:
        """Raise TrackingUnavailableError with what to do if the server does not answer."""
        ...

    def page(self) -> str:
        """Return the address of the page on which people compare the runs."""
        ...

    def run(self, name: str) -> AbstractContextManager[RunLog]:
        """Open a run; it ends FINISHED, KILLED if it was cancelled, FAILED if it raises.

        One that is opened while another is open is its child. What ended the work is
        what is raised, even if the server cannot be told of it.
        """
        ...

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name, such as one that `mlflow run` has opened."""
        ...

    def amend(self, run_id: str, tags: Mapping[str, str], note: str) -> None:
        """Change tags and the note of a run that has ended."""
        ...

    def end_abandoned(self, by: str) -> int:
        """End the runs that ``by`` left open when it was killed; return how many."""
        ...

    def runs(self, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs, newest first."""
        ...

    def run_id(self, start: str) -> str:
        """Return the id of the run whose id begins like this.

        Raises VersionNotFoundError if there is none, or more than one.
        """
        ...

    def find_run(self, run_id: str) -> RunInfo | None:
        """Return a run, None if there is none."""
        ...


class VersionRegistry(Protocol):
    """Versions of the model. Every method raises TrackingUnavailableError if the server fails."""

    def versions(self, limit: int) -> Sequence[VersionInfo]:
        """Return the newest versions, newest first."""
        ...

    def versions_of(self, run_ids: Sequence[str]) -> Sequence[VersionInfo]:
        """Return the versions that were made of some runs, newest first."""
        ...

    def version(self, number: int) -> VersionInfo:
        """Return one version; raise VersionNotFoundError if there is none."""
        ...

    def aliased(self, alias: str) -> VersionInfo | None:
        """Return the version under an alias, if there is one."""
        ...

    def production(self) -> VersionInfo | None:
        """Return the version under the alias ``production``, if there is one."""
        ...

    def point(self, alias: str, number: int) -> None:
        """Point an alias at a version; raise VersionNotFoundError if there is none."""
        ...

    def unpoint(self, alias: str) -> None:
        """Take an alias away; no alias is no error."""
        ...

    def tag(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        ...

    def register(self, run_id: str) -> VersionInfo:
        """Make the run's model a version; raise VersionNotFoundError if it has no model."""
        ...

    def download(self, number: int, folder: Path) -> Path:
        """Copy a version's model files into ``folder``; return the folder that has them.

        Raises VersionNotFoundError if there is no such version.
        """
        ...


class DecisionJournal(Protocol):
    """Decisions about production, added and never changed.

    Every method raises TrackingUnavailableError if the server fails.
    """

    def decisions(self, limit: int) -> Sequence[Decision]:
        """Return the newest decisions, the oldest first."""
        ...

    def note(self, decision: Decision) -> Decision:
        """Add a decision in one step; return it with its id. Nobody else's gets lost."""
        ...

    def conclude(self, decision: Decision) -> None:
        """Note how far a decision has been carried out: its ``outcome``."""
        ...


class Disposal(Protocol):
    """What can be thrown away. Every method raises TrackingUnavailableError if the server fails.

    To throw away again what is gone already is no error: whoever is killed starts anew.
    """

    def models_before(self, instant: datetime, limit: int) -> Sequence[LoggedModel]:
        """Return the oldest models of runs that were logged before an instant."""
        ...

    def runs_before(self, instant: datetime, limit: int) -> Sequence[RunInfo]:
        """Return the oldest runs that were begun before an instant."""
        ...

    def runs_with(self, tag: str, value: str, limit: int) -> Sequence[RunInfo]:
        """Return the newest runs whose tag has a value."""
        ...

    def drop_version(self, number: int) -> None:
        """Delete a version, and leave its run and its model."""
        ...

    def drop_model(self, model: LoggedModel) -> None:
        """Delete a model, its files at once."""
        ...

    def drop_run(self, run: RunInfo) -> None:
        """Delete a run, its files at once."""
        ...


class Production(VersionRegistry, DecisionJournal, Protocol):
    """Versions, and the decisions about them."""


class ModelRegistry(RunTracker, Production, Disposal, Protocol):
    """All of it, for a training, which makes a run and then perhaps a version."""


class Clock(Protocol):
    """The time, so that tests can set it."""

    def now(self) -> datetime:
        """Return the time now, with its zone (UTC)."""
        ...
