"""Runs and versions, as records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mlproject.core.errors import VersionNotFoundError

NOT_YET: Final = datetime.max.replace(tzinfo=UTC)

SERVED_TAG: Final = "served"
"""The tag of a run that tells which model its version serves."""
FITTED_AGAIN: Final = "fitted again on everything, the holdout included"
AS_MEASURED: Final = "as measured"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A training run as the tracking server knows it.

    ``parent`` is the id of the run within which it was opened, empty if there is none; ``location``
    is where the server keeps its files.
    """

    run_id: str
    name: str
    status: str
    started_at: datetime
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A registered version of the model."""

    number: int
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime = NOT_YET


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """The files of a run's model, and where the server keeps them."""

    model_id: str
    run_id: str
    created_at: datetime
    location: str = ""


def the_one(start: str, run_ids: Sequence[str]) -> str:
    """Return the id that the beginning of an id stands for.

    Parameters
    ----------
    start
        What a person has typed of it.
    run_ids
        The ids that begin so.

    Raises
    ------
    VersionNotFoundError
        If there is none, or more than one.
    """
    if start in run_ids:
        return start
    if not run_ids:
        raise VersionNotFoundError(f"there is no run {start}; `tvrec runs` lists them")
    if len(run_ids) > 1:
        raise VersionNotFoundError(f"the ids of several runs begin with {start}; give more of it")
    return run_ids[0]
