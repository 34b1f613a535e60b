"""Frees the rows of what was deleted, in the database of an MLflow server.

Only where that database can be reached: on one machine, or beside the server. The work is
MLflow's `mlflow gc`; what it forgets, the inputs and outputs of its runs, and data sets that no
run names, goes too.

It runs as a process of its own, which alone loads MLflow's server, and is told the database's
address by its standard input, so that no password shows in a list of processes::

    echo sqlite:///mlflow.db | python -m mlproject.registry.mlflow_rows http://127.0.0.1:5000 7d
"""

import subprocess
import sys
from typing import Final

from mlproject.core.errors import TrackingUnavailableError

_SECONDS: Final = 1800

_LEFT: Final = """
DELETE FROM inputs WHERE destination_type = 'RUN'
    AND destination_id NOT IN (SELECT run_uuid FROM runs);
DELETE FROM inputs WHERE source_type = 'RUN_OUTPUT'
    AND source_id NOT IN (SELECT run_uuid FROM runs);
DELETE FROM input_tags WHERE input_uuid NOT IN (SELECT input_uuid FROM inputs);
DELETE FROM datasets WHERE dataset_uuid NOT IN
    (SELECT source_id FROM inputs WHERE source_type = 'DATASET')
"""
"""What `mlflow gc` of MLflow 3.17 leaves of a run."""


def free_rows(database: str, server: str, older_than: str) -> None:
    """Free the rows of what was deleted so long ago, such as ``7d``.

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
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-W", "ignore", "-m", __name__, server, older_than],
        input=database,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise TrackingUnavailableError(f"the rows of MLflow's database cannot be freed: {last}")


def main() -> None:
    """Free the rows, in this process."""
    import sqlalchemy  # noqa: PLC0415 - with the server only
    from mlflow.cli import cli  # noqa: PLC0415

    database, (server, older_than) = sys.stdin.read().strip(), sys.argv[1:]
    told = ["--backend-store-uri", database, "--tracking-uri", server, "--older-than", older_than]
    cli(["gc", *told], standalone_mode=False)
    with sqlalchemy.create_engine(database).begin() as connection:
        for statement in _LEFT.split(";"):
            connection.execute(sqlalchemy.text(statement))


if __name__ == "__main__":
    main()
