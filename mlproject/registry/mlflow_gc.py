"""Runs `mlflow gc`, and removes what that leaves behind: inputs, outputs and unused data sets.

Then it has SQLite count its rows, as PostgreSQL does by itself. MLflow's page of the runs asks for
the data sets, and without these counts SQLite reads all inputs of all runs for each.

It needs the packages of MLflow's server, and reads the database's address from standard input, so
that no password shows in the list of processes::

    echo sqlite:///mlflow.db | python mlflow_gc.py http://127.0.0.1:5000 7d

The chart runs a copy of this file beside the server, whose image has nothing else of ours.
"""

import sys

import sqlalchemy
from mlflow.cli import cli

# By MLflow 3.17.
LEFT = """
DELETE FROM inputs WHERE destination_type = 'RUN'
    AND destination_id NOT IN (SELECT run_uuid FROM runs);
DELETE FROM inputs WHERE source_type = 'RUN_OUTPUT'
    AND source_id NOT IN (SELECT run_uuid FROM runs);
DELETE FROM input_tags WHERE input_uuid NOT IN (SELECT input_uuid FROM inputs);
DELETE FROM datasets WHERE dataset_uuid NOT IN
    (SELECT source_id FROM inputs WHERE source_type = 'DATASET')
"""
# The counts are estimates from so many rows of each index, so it is done in an instant
# (https://sqlite.org/lang_analyze.html).
COUNT = """
PRAGMA analysis_limit = 1000;
ANALYZE
"""


def main() -> None:
    """Free the rows of what was deleted so long ago."""
    database, (server, older_than) = sys.stdin.read().strip(), sys.argv[1:]
    told = ["--backend-store-uri", database, "--tracking-uri", server, "--older-than", older_than]
    cli(["gc", *told], standalone_mode=False)
    with sqlalchemy.create_engine(database).begin() as connection:
        statements = f"{LEFT};{COUNT}" if connection.dialect.name == "sqlite" else LEFT
        for statement in statements.split(";"):
            connection.execute(sqlalchemy.text(statement))


if __name__ == "__main__":
    main()
