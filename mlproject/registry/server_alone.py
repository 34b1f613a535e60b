"""Starts MLflow's server in the process of its command.

``mlflow server`` imports all of MLflow to check its options, starts the server, and then sleeps
beside it in 200 MB. Here the process that has checked becomes the server::

    python -m mlproject.registry.server_alone server --workers 1 …
"""

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

import mlflow.server
from mlflow.cli import cli

from mlproject import config


def become(command: Sequence[str], *, extra_env: Mapping[str, str], **_: object) -> NoReturn:
    """Run a command in place of this process.

    Parameters
    ----------
    command
        Program and arguments.
    extra_env
        What is added to the environment.
    """
    os.execvpe(command[0], list(command), config.child_environment(extra_env))  # noqa: S606


if __name__ == "__main__":
    # A release of MLflow without this function starts the server as it always did.
    mlflow.server._exec_cmd = become  # type: ignore[assignment,attr-defined]  # noqa: SLF001
    cli()
