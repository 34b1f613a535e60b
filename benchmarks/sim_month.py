"""A month of a registry in use: 20,000 cycles with the default retention, on a real MLflow server.

What a month takes is shortened in three ways. The runs of a day are copies, in the database and the
folder, of one that was logged by MLflow's client, with the times of that day. Retention makes one
pass a day, not 24, so it has more to do at once. And MLflow notes what is deleted with today's
time, which is then set to that of the simulated day. The rest is as ever: versions are registered
and promoted, and what retention deletes is deleted, through the server; `mlflow gc` frees the rows.

With fewer cycles the month takes less time. Then, at its end, the rows are added that the other
cycles would have left: of a week of runs, and of a week in which what was deleted can be restored.
"""

import argparse
import shutil
import sqlite3
import tempfile
import time
import warnings
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np

from benchmarks.bench_registry import log_run, served, sizes, timed
from mlproject import config
from mlproject.batches.sink import BatchSink
from mlproject.bootstrap import App
from mlproject.objects.local import LocalStore
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.retain import find_waste, throw_away
from mlproject.registry.mlflow_registry import MlflowRegistry
from mlproject.registry.mlflow_rows import free_rows
from mlproject.registry.mlflow_server import milliseconds
from mlproject.snapshot.ingest import ingest
from tests.browser import Page, browser_page
from tests.builders import put_catalogue, ratings, shows

DAYS: Final = 30
CYCLES: Final = 20_000
RUNS_A_CYCLE: Final = 2
VERSIONS_A_DAY: Final = 4
LOOKED_AT: Final = (1, 7, DAYS)
COMMANDS: Final = ("runs", "versions", "history", "promote --version 1", "release")
RATINGS: Final = 100_000
LOADS: Final = 6  # the browser has compiled the page after a few

# As `tvrec` has it: what was deleted can be restored for so long.
RESTORABLE: Final = timedelta(days=7)
KEPT: Final = timedelta(days=7)

# The tables of a run and of its model, with the column that names it.
OF_A_RUN: Final = (
    ("runs", "run_uuid"),
    ("metrics", "run_uuid"),
    ("latest_metrics", "run_uuid"),
    ("params", "run_uuid"),
    ("tags", "run_uuid"),
    ("inputs", "destination_id"),
    ("inputs", "source_id"),
)
OF_A_MODEL: Final = (
    ("logged_models", "model_id"),
    ("logged_model_metrics", "model_id"),
    ("logged_model_params", "model_id"),
    ("logged_model_tags", "model_id"),
)
TIMES: Final = frozenset(
    {
        "start_time",
        "end_time",
        "timestamp",
        "creation_timestamp_ms",
        "last_updated_timestamp_ms",
        "metric_timestamp_ms",
    }
)
COUNTED: Final = frozenset(
    [*(table for table, _ in (*OF_A_RUN, *OF_A_MODEL)), "datasets", "input_tags", "model_versions"]
)


class Copier:
    """Copies a run and its model, in MLflow's database and in its folder of artifacts.

    Parameters
    ----------
    folder
        Has both.
    run_id
        The run to copy.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self.database, self.run_id = folder / "mlflow.db", run_id
        with closing(sqlite3.connect(self.database)) as connection:
            (self.model_id,) = connection.execute(
                "SELECT model_id FROM logged_models WHERE source_run_id = ?", (run_id,)
            ).fetchone()
            (self.data,) = connection.execute(
                "SELECT source_id FROM inputs WHERE source_type = 'DATASET'"
            ).fetchone()
            self.statements = [
                *(self._statement(connection, table, f"{key} = '{run_id}'")
                  for table, key in OF_A_RUN),
                *(self._statement(connection, table, f"{key} = '{self.model_id}'")
                  for table, key in OF_A_MODEL),
                self._statement(connection, "datasets", f"dataset_uuid = '{self.data}'"),
                self._statement(
                    connection,
                    "input_tags",
                    "input_uuid IN "
                    f"(SELECT input_uuid FROM inputs WHERE destination_id = '{run_id}')",
                ),
            ]  # fmt: skip
        (self.files,) = (folder / "artifacts").rglob(self.model_id)

    def _statement(self, connection: sqlite3.Connection, table: str, which: str) -> str:
        """Return what copies the rows of one table; ids and times are named parameters."""
        names, values = [], []
        for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})"):
            names.append(f'"{name}"')
            if name in TIMES:
                values.append(":at")
            elif name == "input_uuid":  # a run has two, whose beginnings differ
                values.append("substr(input_uuid, 1, 8) || substr(:run, 1, 24)")
            elif "CHAR" in kind or "TEXT" in kind:
                values.append(
                    f"replace(replace(replace(\"{name}\", '{self.run_id}', :run),"
                    f" '{self.model_id}', :model), '{self.data}', :data)"
                )
            else:
                values.append(f'"{name}"')
        chosen = f"SELECT {', '.join(values)} FROM {table} WHERE {which}"
        return f"INSERT INTO {table} ({', '.join(names)}) {chosen}"

    def copies(self, times: list[datetime]) -> list[str]:
        """Make a copy for each time; return their runs' ids."""
        made = []
        with closing(sqlite3.connect(self.database, timeout=60)) as connection, connection:
            for at in times:
                run_id, model_id = self._rows(connection, at)
                shutil.copytree(self.files, self.files.with_name(model_id))
                made.append(run_id)
        return made

    def leave(self, times: list[datetime], now: datetime) -> None:
        """Make what retention leaves of a run of each time: rows, and no files."""
        dead = "lifecycle_stage = 'deleted'"
        with closing(sqlite3.connect(self.database, timeout=60)) as connection, connection:
            for at in times:
                run_id, model_id = self._rows(connection, at)
                connection.execute(
                    f"UPDATE logged_models SET {dead} WHERE model_id = ?",
                    (model_id,),
                )
                if at < now - KEPT:
                    connection.execute(
                        f"UPDATE runs SET {dead}, deleted_time = ? WHERE run_uuid = ?",
                        (milliseconds(at + KEPT), run_id),
                    )

    def _rows(self, connection: sqlite3.Connection, at: datetime) -> tuple[str, str]:
        """Copy the rows; return the ids of the run and of the model."""
        run_id, model_id = uuid4().hex, f"m-{uuid4().hex}"
        named = {"run": run_id, "model": model_id, "data": uuid4().hex}
        for statement in self.statements:
            connection.execute(statement, {**named, "at": milliseconds(at)})
        return run_id, model_id


def change(folder: Path, *statements: str, at: datetime) -> None:
    """Set times in MLflow's database to ``at``."""
    with closing(sqlite3.connect(folder / "mlflow.db", timeout=60)) as connection, connection:
        for statement in statements:
            connection.execute(statement, {"at": milliseconds(at)})


def times_of(day: datetime, cycles: int) -> list[datetime]:
    """Return when the runs of a day begin."""
    return [
        day + timedelta(days=cycle / cycles) for cycle in range(cycles) for _ in range(RUNS_A_CYCLE)
    ]


def a_day(
    registry: MlflowRegistry, copier: Copier, folder: Path, day: datetime, cycles: int
) -> None:
    """Let runs be logged all day, and some become versions."""
    times = times_of(day, cycles)
    runs = copier.copies(times)
    for number in range(VERSIONS_A_DAY):
        place = (number + 1) * len(runs) // VERSIONS_A_DAY - 1
        version = registry.register(runs[place]).number
        put_into_production(registry, version, by="builder", reason="better by 2 %")
        change(
            folder,
            "UPDATE model_versions SET creation_time = :at, last_updated_time = :at"
            f" WHERE version = {version}",
            at=times[place],
        )


def retain(registry: MlflowRegistry, folder: Path, now: datetime) -> None:
    """Make the pass of a day, as the builder does."""
    throw_away(registry, find_waste(registry, App(config.load()).keep, now))
    change(
        folder,
        "UPDATE runs SET deleted_time = :at WHERE deleted_time > :at",
        "UPDATE logged_models SET last_updated_timestamp_ms = :at"
        " WHERE lifecycle_stage = 'deleted' AND last_updated_timestamp_ms > :at",
        at=now,
    )
    older_than = datetime.now(UTC) - now + RESTORABLE
    free_rows(f"sqlite:///{folder}/mlflow.db", registry.uri, f"{int(older_than.total_seconds())}s")


def rows(folder: Path) -> int:
    """Return how many rows the tables of runs, models and versions have."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED
        )


def page_seconds(page: Page, url: str) -> float:
    """Return how long the page of the runs takes until its table shows them."""
    page.open("about:blank")
    page.wait("document.body.innerText === ''")
    started = time.perf_counter()
    page.open(url)
    shown = "[...document.querySelectorAll('[role=row]')].filter((row) =>"
    shown += " row.textContent.includes('0.2')).length > 5"
    while not page.value(shown):
        if time.perf_counter() - started > 60:
            raise TimeoutError(page.value("document.body.innerText"))
        time.sleep(0.01)
    return time.perf_counter() - started


def look(registry: MlflowRegistry, folder: Path) -> None:
    """Print the seconds of the commands and of the page, the quickest of a few."""
    found = timed(registry, folder / "state", COMMANDS)
    shutil.rmtree(folder / "chromium", ignore_errors=True)  # of the last look
    with browser_page(folder / "chromium") as page:
        page.resize(1400, 900)
        found["the runs page"] = min(page_seconds(page, registry.page()) for _ in range(LOADS))
    print("     " + ", ".join(f"{what} {taken:.2f} s" for what, taken in found.items()), flush=True)


def count(registry: MlflowRegistry, folder: Path, day: int, logged: int, started: float) -> None:
    """Print how much there is."""
    files, database = sizes(folder)
    versions, taken = len(registry.versions(9999)), (time.perf_counter() - started) / 60
    print(
        f"{day:3} {logged:8,}  {versions:8}  {rows(folder):9,}  {files:9.1f}  "
        f"{database:12.1f}  {taken:14.1f}",
        flush=True,
    )


def put_ratings(state: Path) -> None:
    """Store ratings of the model's shows, which `promote` asks a version with."""
    store, positions = LocalStore(state / "store"), np.arange(RATINGS)
    put_catalogue(store, shows(500))
    sink = BatchSink(store)
    sink.append(ratings(RATINGS, user_id=positions // 50, show_id=1 + positions * 7 % 499))
    sink.flush()
    ingest(store)


def month(folder: Path, days: int, cycles: int) -> None:
    """Simulate day after day, and print what there is."""
    with served(folder, "month") as registry:
        put_ratings(folder / "state")
        began = datetime.now(UTC) - timedelta(days=DAYS)
        run_id = log_run(registry, folder / "model")
        put_into_production(
            registry, registry.register(run_id).number, by="builder", reason="first"
        )
        change(
            folder,
            "UPDATE runs SET start_time = :at, end_time = :at",
            "UPDATE model_versions SET creation_time = :at",
            "UPDATE logged_models SET creation_timestamp_ms = :at",
            at=began,
        )
        copier = Copier(folder, run_id)
        print("day     runs  versions       rows  files, MB  database, MB  minutes so far")
        started = time.perf_counter()
        for day in range(1, days + 1):
            a_day(registry, copier, folder, began + timedelta(days=day - 1), cycles)
            retain(registry, folder, began + timedelta(days=day))
            count(registry, folder, day, day * cycles * RUNS_A_CYCLE, started)
            if day in LOOKED_AT:
                look(registry, folder)
        if left_out := CYCLES // DAYS - cycles:
            print(f"and with what {left_out} more cycles a day leave behind:")
            now = began + timedelta(days=days)
            left = (KEPT + RESTORABLE).days
            for day in range(left):
                copier.leave(times_of(now - timedelta(days=day + 1), left_out), now)
            logged = (days * cycles + left * left_out) * RUNS_A_CYCLE
            count(registry, folder, days, logged, started)
            look(registry, folder)


def main() -> None:
    """Simulate the month."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--days", type=int, default=DAYS, help=f"of the month ({DAYS})")
    parser.add_argument(
        "--cycles", type=int, default=CYCLES, help=f"in {DAYS} days ({CYCLES:,}); fewer: see above"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    config.set_defaults({"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
                         "MLFLOW_LOGGING_LEVEL": "ERROR"})  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        month(Path(folder), given.days, given.cycles // DAYS)


if __name__ == "__main__":
    main()
