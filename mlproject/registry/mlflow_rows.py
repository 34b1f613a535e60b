"""Frees the rows of what was deleted, in the database of an MLflow server.

Only where that database can be reached: on one machine, or beside the server. The work is done
by :mod:`~mlproject.registry.mlflow_gc`, in a process of its own, which alone loads MLflow's server.
"""

import subprocess
import sys
from typing import Final

from mlproject.core.errors import TrackingUnavailableError

_SECONDS: Final = 1800
_GC: Final = "mlproject.registry.mlflow_gc"


def free_rows(database: str, server: str, older_than: str) -> None:
    """Free the rows of runs and models that were deleted at least so long ago, such as ``7d``.

    Parameters
    ----------
    database
        Address of the server's database.
    server
        Address of the server.
    older_than
        As `mlflow gc` takes it. Until then an experiment that was deleted can be restored.

    Raises
    ------
    TrackingUnavailableError
        If the database cannot be reached.
    """
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-W", "ignore", "-m", _GC, server, older_than],
        input=database,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise TrackingUnavailableError(f"the rows of MLflow's database cannot be freed: {last}")
