"""A registry that has been in use for long: its size, and the time that commands take.

Bounded: rounds of trainings on a real MLflow server, each followed by a pass of retention that
keeps the last two rounds; the bytes of its files and of its database after each.

Quick: `tvrec` commands, from their start to their end, on an empty registry and on one that is
filled with what a month leaves behind with the default settings (a week of runs, two in each of
720 cycles a day), and 10,500 versions, which is more than it ever keeps.
"""

import itertools
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from mlproject import config
from mlproject.models.files import save_model
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.retain import Keep, find_waste, throw_away
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.registry.mlflow_rows import free_rows
from tests.builders import model
from tests.servers import BIN, environment, mlflow_server

ROUNDS: Final = 10
RUNS_A_ROUND: Final = 8
RUNS: Final = 7 * 2 * 720
VERSIONS: Final = 10_500
COMMANDS: Final = (
    "runs", "versions", "history", "promote --version 1", "rollback", "release", "retain --dry-run",
)  # fmt: skip
TIMES: Final = 3

# What a training logs, by number.
METRICS: Final = {f"metric_{number}": number / 100 for number in range(45)}
PARAMS: Final = {f"param_{number}": number for number in range(25)}
TAGS: Final = {
    f"tag_{number}": "a sentence of a usual length, such as the reason" for number in range(10)
}


def log_run(registry: MlflowRegistry, folder: Path) -> str:
    """Log a run of a usual size."""
    folder.mkdir(parents=True)
    save_model(model(range(1, 500)), folder)
    with registry.run("a run") as run:
        run.params(PARAMS)
        run.tags({**TAGS, "verdict": "keep"})
        run.dataset("ratings", run.run_id[:36], "file:///store")
        run.model(folder)
        run.metrics({**METRICS, "precision_at_10": 0.2, "popularity_precision_at_10": 0.1})
    return run.run_id


@contextmanager
def served(folder: Path, name: str) -> Iterator[MlflowRegistry]:
    """Start a server whose database is ``folder/mlflow.db``."""
    with mlflow_server(folder) as uri:
        yield MlflowRegistry(uri, experiment=name, model=name)


def sizes(folder: Path) -> tuple[float, float]:
    """Return megabytes of the files, and of the database's pages that are in use."""
    files = sum(path.stat().st_size for path in (folder / "artifacts").rglob("*") if path.is_file())
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        pages, free, size = (
            database.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "freelist_count", "page_size")
        )
    return files / 1e6, (pages - free) * size / 1e6


def bounded(folder: Path) -> None:
    """Train and throw away, round after round."""
    with served(folder, "bounded") as registry:
        began: list[datetime] = []
        print("round  versions  files, MB  database, MB  seconds of the pass")
        for number in range(ROUNDS):
            began.append(datetime.now(UTC))
            for run in range(RUNS_A_ROUND):
                run_id = log_run(registry, folder / f"model-{number}-{run}")
            winner = registry.register(run_id).number
            put_into_production(registry, winner, by="builder", reason="better")
            now, started = datetime.now(UTC), time.perf_counter()
            kept = now - began[max(0, number - 1)]
            keep = Keep(timedelta(0), runs=kept, versions=kept, history=2)
            throw_away(registry, find_waste(registry, keep, now))
            free_rows(f"sqlite:///{folder}/mlflow.db", registry.uri, "0s")
            files, rows = sizes(folder)
            taken, left = time.perf_counter() - started, len(registry.versions(99))
            print(f"{number + 1:5}  {left:8}  {files:9.2f}  {rows:12.2f}  {taken:19.1f}")


def fill(database: Path) -> None:
    """Copy the first run and the first version, in the database itself."""
    with closing(sqlite3.connect(database)) as connection, connection:

        def columns(table: str) -> list[str]:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]

        ids = [f"{number:032x}" for number in range(RUNS)]
        (run_id,) = connection.execute(
            "SELECT run_uuid FROM runs JOIN latest_metrics USING (run_uuid) LIMIT 1"
        ).fetchone()
        now = time.time() * 1000
        for table in ("runs", "latest_metrics", "metrics", "params", "tags"):
            names = columns(table)
            rows = connection.execute(
                f"SELECT * FROM {table} WHERE run_uuid = ?", (run_id,)
            ).fetchall()
            place = names.index("run_uuid")
            start = names.index("start_time") if table == "runs" else None

            def copies(
                rows: list[tuple[object, ...]] = rows, place: int = place, start: int | None = start
            ) -> Iterator[list[object]]:
                for (number, new), row in itertools.product(enumerate(ids), rows):
                    made = list(row)
                    made[place] = new
                    if start is not None:
                        made[start] = int(now - number * 60_000)
                    yield made

            marks = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", copies())
        names = columns("model_versions")
        (row,) = connection.execute("SELECT * FROM model_versions WHERE version = 1").fetchall()
        marks = ", ".join("?" * len(names))
        place, run = names.index("version"), names.index("run_id")
        for number in range(3, VERSIONS + 1):
            made = list(row)
            made[place], made[run] = number, ids[number % RUNS]
            connection.execute(f"INSERT INTO model_versions VALUES ({marks})", made)


def timed(
    registry: MlflowRegistry, state: Path, commands: Sequence[str] = COMMANDS
) -> dict[str, float]:
    """Return the seconds of each command, the quickest of a few."""
    settings = environment(
        TVREC_STATE_DIR=str(state),
        MLFLOW_TRACKING_URI=registry.uri,
        MLFLOW_EXPERIMENT_NAME=registry.experiment,
        TVREC_REGISTERED_MODEL=registry.model,
    )
    found: dict[str, float] = {}
    for command in [*commands] * TIMES:
        started = time.perf_counter()
        subprocess.run(
            [BIN / "tvrec", *command.split()], env=settings, check=True, capture_output=True
        )
        found[command] = min(found.get(command, 1e9), time.perf_counter() - started)
    return found


def quick(folder: Path) -> None:
    """Time the commands before and after the registry is filled."""
    with served(folder, "quick") as registry:
        for number in (1, 2):
            registry.register(log_run(registry, folder / f"model-{number}"))
            put_into_production(registry, number, by="builder", reason="better")
        few = timed(registry, folder / "state")
        fill(folder / "mlflow.db")
        many = timed(registry, folder / "state")
        _, rows = sizes(folder)
        print(f"{RUNS:,} runs and {VERSIONS:,} versions are {rows:,.0f} MB of database")
        print("command              empty, s   full, s   ratio")
        for command in COMMANDS:
            ratio = many[command] / few[command]
            print(f"{command:20} {few[command]:8.2f}  {many[command]:8.2f}  {ratio:6.2f}")


def main() -> None:
    """Do both, or what is named: ``bounded``, ``quick``."""
    warnings.simplefilter("ignore")
    config.set_defaults({"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
                         "MLFLOW_LOGGING_LEVEL": "ERROR"})  # fmt: skip
    named = sys.argv[1:] or ["bounded", "quick"]
    for name in named:
        with tempfile.TemporaryDirectory() as folder:
            {"bounded": bounded, "quick": quick}[name](Path(folder))


if __name__ == "__main__":
    main()
