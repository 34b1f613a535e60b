"""A command in a process of its own, which ends: who sleeps for an hour needs no pandas."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from mlproject import config
from mlproject.core.cancel import Cancelled
from mlproject.core.errors import UnavailableError

_ERROR = "Error: "


def run_apart(arguments: Sequence[str]) -> Any:
    """Run a command of ``tvrec`` and return what it prints as JSON.

    What it logs goes to standard error; if it fails, only its sentence is raised, so that
    whoever tries again says it as often as fits.

    Parameters
    ----------
    arguments
        As on a command line.

    Raises
    ------
    Cancelled
        If a signal ended it.
    UnavailableError
        If it failed, for whatever reason.
    """
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "mlproject", *arguments],
        env=config.child_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode < 0:
        raise Cancelled
    before, told, sentence = done.stderr.rpartition(_ERROR)
    if done.returncode:
        raise UnavailableError(sentence.strip() if told else done.stderr.strip())
    sys.stderr.write(before + told + sentence)
    return json.loads(done.stdout)
