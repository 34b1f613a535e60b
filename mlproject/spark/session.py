"""The Spark session of a command."""

import logging
import sys
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

import mlproject
from mlproject.core.cancel import ShouldStop, never
from mlproject.core.errors import ConfigError, SparkFailedError
from mlproject.spark.errors import JVM_ERRORS, said_by

log = logging.getLogger(__name__)

_LOGGING: Final = Path(__file__).with_name("log4j2.properties")
_DEFAULTS: Final = {
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
    "spark.pyspark.python": sys.executable,
    "spark.sql.session.timeZone": "UTC",
    # Rows that a task's Python sees at once: with 10,000 histories it waits more than it works, and
    # a task has few blocks.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.ui.showConsoleProgress": "false",
}
_LOOK_SECONDS: Final = 0.5


@contextmanager
def session(
    name: str, master: str | None, conf: Mapping[str, str], should_stop: ShouldStop = never
) -> Iterator[SparkSession]:
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
    should_stop
        Looked at all the time; once it says so, every job is cancelled, which fails. A session
        that is being opened is given up.

    Raises
    ------
    ConfigError
        If Spark does not start.
    SparkFailedError
        If it starts, but does not get to its master, or is given up before.
    """
    # PySpark warns of pandas 3, which it is never given here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    properties = {**_DEFAULTS, "spark.app.name": name, **conf}
    if master is not None:
        properties["spark.master"] = master
    try:
        spark = _started(properties, should_stop)
    except PySparkException as error:
        raise ConfigError(
            f"Spark did not start ({error}); it needs Java 17 or newer, on the PATH or in "
            "JAVA_HOME, and a master that it knows in TVREC_SPARK_MASTER"
        ) from error
    except JVM_ERRORS as error:
        raise SparkFailedError(
            f"Spark gives no session ({said_by(error)}); its master is {master or 'not set'}, "
            "see TVREC_SPARK_MASTER"
        ) from error
    with tempfile.TemporaryDirectory(prefix="tvrec-") as folder:
        try:
            spark.sparkContext.addPyFile(str(_packed(Path(folder))))
            _tell(spark.sparkContext)
            # Also the jobs that begin later.
            with _when_asked(should_stop, spark.sparkContext.cancelAllJobs):
                yield spark
        finally:
            _stop(spark)


def _started(properties: Mapping[str, str], should_stop: ShouldStop) -> SparkSession:
    """Start a session in the JVM of the last one, or in a new one where there is none."""
    _leave_ended()
    conf = SparkConf().setAll(list(properties.items()))
    gateway = None
    if not SparkContext._gateway:  # noqa: SLF001
        # In a process group of its own: a signal to ours is for us, who end it when we are done.
        gateway = launch_gateway(conf, {"start_new_session": True})  # type: ignore[no-untyped-call,unused-ignore]
    process = getattr(gateway or SparkContext._gateway, "proc", None)  # noqa: SLF001
    # A master that does not answer is waited for in the JVM, for a minute: only its end helps.
    with _when_asked(should_stop, process.terminate if process else lambda: None):
        context = SparkContext(conf=conf, gateway=gateway)
        try:
            return SparkSession.builder.getOrCreate()
        except JVM_ERRORS:
            context.stop()
            raise


def _stop(spark: SparkSession) -> None:
    try:
        spark.stop()
    except JVM_ERRORS:
        spark.sparkContext.stop()  # what else there is than the JVM, which has ended


def _leave_ended() -> None:
    """Forget a JVM that has ended; PySpark keeps it."""
    process = getattr(SparkContext._gateway, "proc", None)  # noqa: SLF001
    if process is not None and process.poll() is not None:
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001


def _tell(context: SparkContext) -> None:
    log.info(
        "%s runs on Spark at %s as %s%s",
        context.appName,
        context.master,
        context.applicationId,
        f"; its page is {context.uiWebUrl}" if context.uiWebUrl else "",
    )


@contextmanager
def _when_asked(should_stop: ShouldStop, act: Callable[[], object]) -> Iterator[None]:
    """When the block is asked to stop, do something again and again until it ends."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            if should_stop():
                with suppress(*JVM_ERRORS):  # it has ended already
                    act()

    looking = threading.Thread(target=look, name="spark-stopping", daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()


def _packed(folder: Path) -> Path:
    """Pack this package as executors take it."""
    root = Path(mlproject.__file__).parent
    packed = folder / "tvrec.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(root.rglob("*.py")):
            made.write(file, file.relative_to(root.parent))
    return packed
