"""The Spark session of a command."""

import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

import mlproject
from mlproject.core.errors import ConfigError

_DEFAULTS: Final = {
    "spark.pyspark.python": sys.executable,
    "spark.sql.session.timeZone": "UTC",
    # Rows that a task's Python sees at once: with 10,000 it waits more than it works.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def session(name: str, master: str | None, conf: Mapping[str, str]) -> Iterator[SparkSession]:
    """Open a session, and stop it at the end of the block.

    The tasks run the code of this process: it is sent to them, so a cluster needs the
    libraries only. A session that is there already, as in a notebook, is used and left open.

    Parameters
    ----------
    name
        What Spark calls the application.
    master
        Address of a cluster, such as ``spark://host:7077``; None = what `spark-submit` says,
        or else this machine's processors.
    conf
        Further properties; they come before those set here.

    Raises
    ------
    ConfigError
        If Spark does not start.
    """
    # PySpark warns of pandas 3, which it is never given here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    builder = SparkSession.builder.appName(name)
    if master is not None:
        builder = builder.master(master)
    for key, value in {**_DEFAULTS, **conf}.items():
        builder = builder.config(key, value)
    try:
        spark = builder.getOrCreate()
    except PySparkException as error:
        raise ConfigError(
            f"Spark did not start ({error}); it needs Java 17 or newer, on the PATH or in JAVA_HOME"
        ) from error
    with tempfile.TemporaryDirectory(prefix="tvrec-") as folder:
        try:
            spark.sparkContext.addPyFile(str(_packed(Path(folder))))
            yield spark
        finally:
            spark.stop()


def _packed(folder: Path) -> Path:
    """Pack this package as executors take it."""
    root = Path(mlproject.__file__).parent
    packed = folder / "tvrec.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(root.rglob("*.py")):
            made.write(file, file.relative_to(root.parent))
    return packed
