"""Where a run or a promotion comes from: which code, and who."""

import getpass
import subprocess
from enum import StrEnum
from pathlib import Path

from mlproject.config import Settings


class Trigger(StrEnum):
    """What began a run: the builder's schedule, a person's command, or `mlflow run`."""

    SCHEDULE = "schedule"
    HAND = "hand"
    PROJECT = "project"


def run_tags(settings: Settings, trigger: Trigger = Trigger.HAND) -> dict[str, str]:
    """Return what is noted of a run beside its parameters; `mlflow run` is known by its run."""
    begun = trigger if settings.mlflow_run_id is None else Trigger.PROJECT
    commit = settings.git_commit or _git_commit()
    # The key is MLflow's own; its pages show it as the run's source version.
    source = {"mlflow.source.git.commit": commit} if commit else {}
    return {"trigger": begun, **source}


def user_name() -> str:
    """Return who works here, for the record of a promotion."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user has no name
        return "unknown"


def _git_commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - the user's git
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
