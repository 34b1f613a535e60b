"""Everything on one machine: ``make run``."""

import json
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Final

import honcho.manager
from honcho.environ import parse_procfile
from honcho.manager import Manager

from mlproject import config
from mlproject.bootstrap import App
from mlproject.config import Settings
from mlproject.core.errors import (
    AlreadyRunningError,
    CatalogueError,
    ConfigError,
    StoreUnavailableError,
)
from mlproject.monitoring.port import OFFSETS, port_of
from mlproject.objects.locks import hold
from mlproject.pipelines.stream_note import Kind, check_stream, read_note

log = logging.getLogger(__name__)

COVERED: Final = 0.95
"""Share of a file's ratings whose show a catalogue must know if none was named for it."""
LAST: Final = "mlflow"
LAST_SECONDS: Final = 2.5
"""The part that is ended last, and how many seconds after the others."""
PATIENCE_SECONDS: Final = 20
"""How long a part may take to end before it is killed: a fit stops after an epoch, and the
service drains its connections."""


def up(settings: Settings, procfile: Path) -> int:
    """Start the processes of the Procfile and stay until they end.

    Parameters
    ----------
    settings
        The settings; the processes get those that a command line may change.
    procfile
        Which processes there are.

    Returns
    -------
    int
        The exit code: 0 after Ctrl-C or SIGTERM, 1 if a process ended by itself.

    Raises
    ------
    AlreadyRunningError, ConfigError, StoreUnavailableError
        Before anything is started: if the state folder is in use or not writable or
        holds other data, or if a port is taken.
    """
    state = settings.state_dir.resolve()
    with hold(state / "run.lock", "another `make run`"):
        check_data(settings, state)
        check_port(settings.host, settings.mlflow_port, "the MLflow server", "mlflow_port")
        check_port(settings.host, settings.service_port, "the REST service", "service_port")
        for part in OFFSETS:
            if port := port_of(settings, part):
                check_port(settings.host, port, f"the metrics of {part}", "metrics_port")
        honcho.manager.KILL_WAIT = PATIENCE_SECONDS
        manager = _Manager()
        environment = config.child_environment(_variables(settings, state))
        for name, command in parse_procfile(procfile.read_text()).processes.items():
            manager.add_process(name, f"exec {command}", env=environment, cwd=procfile.parent)
        # A closed terminal ends everything too; honcho itself knows SIGINT and SIGTERM.
        signal.signal(signal.SIGHUP, _as_sigterm)
        manager.loop()
        stopped_by_user = manager.returncode in {128 + signal.SIGINT, 128 + signal.SIGTERM}
        if stopped_by_user:
            return 0
        log.error(
            "one part ended by itself (the first that stopped, above), so the others were "
            "ended; the next start continues from what is kept in %s",
            state,
        )
        return 1


def check_port(host: str, port: int, what: str, field: str) -> None:
    """Raise AlreadyRunningError, with the setting to change, if a port is taken."""
    with socket.socket() as probe:
        # As servers do, so that a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            variable = config.variable(field)
            raise AlreadyRunningError(
                f"port {port} on {host}, for {what}, is not available: {error.strerror}. "
                f"Choose another: make run {variable}={port + 1}"
            ) from error


def check_data(settings: Settings, state: Path) -> None:
    """Keep the ratings of one source from being mixed with those of another.

    Raises
    ------
    ConfigError
        If the state folder was filled from other files than the settings name.
    """
    wanted = {
        "ratings": str(settings.ratings_file.resolve()) if settings.ratings_file else "simulated",
        "catalogue": str(settings.catalogue_file.resolve())
        if settings.catalogue_file
        else settings.catalogue_source,
    }
    for path in (settings.ratings_file, settings.catalogue_file):
        if path and not path.is_file():
            raise ConfigError(f"there is no file {path}")
    note = state / "data.json"
    try:
        if not note.exists():
            check_shows(settings)
            note.write_text(json.dumps(wanted))
            return
        found = json.loads(note.read_text())
        held = found["ratings"], found["catalogue"]
    except OSError as error:
        raise StoreUnavailableError(f"cannot use {note}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{note}, which says whose ratings {state} holds, is damaged; repair or remove it"
        ) from error
    if found != wanted:
        raise ConfigError(
            f"{state} holds ratings ({held[0]}) of a catalogue ({held[1]}); you asked for "
            f"{wanted['ratings']} and {wanted['catalogue']}. Keep both apart with "
            "`make run STATE=another-folder ...`, or start over after `make clean-state`"
        )
    with App(settings) as app:
        store = app.store
        begun = read_note(store)
    kind: Kind = "replayed" if settings.ratings_file else "simulated"
    check_stream(begun, kind, settings.seed, store.uri)


def check_shows(settings: Settings) -> None:
    """Keep the ids of a ratings file from being taken for those of shows that come with this.

    Raises
    ------
    ConfigError
        If a ratings file is named without its catalogue, unless its ids are called as ours
        and the catalogue that would be exported knows nearly all of them.
    RatingsFileError
        If the ratings file cannot be used.
    """
    if settings.ratings_file is None or settings.catalogue_file is not None:
        return
    # This process sleeps beside seven others for as long as they run, so it does without pandas
    # unless it has a file to look at.
    from mlproject.catalogue.stored import read_catalogue  # noqa: PLC0415
    from mlproject.core import columns as c  # noqa: PLC0415
    from mlproject.reading.ratings import read_ratings  # noqa: PLC0415
    from mlproject.reading.ratings_layouts import OWN  # noqa: PLC0415

    source = settings.catalogue_source
    with App(settings) as app:
        try:
            shows = (
                app.catalogue_source.read() if source == "bundled" else read_catalogue(app.store)
            )
        except CatalogueError as error:
            raise ConfigError(
                f"{settings.ratings_file} is named without CATALOGUE: {error}"
            ) from error
        file = read_ratings(settings.ratings_file, app.told)
    known = file.rows[c.SHOW_ID].isin(shows.frame[c.SHOW_ID]).mean()
    if file.layout == OWN and known >= COVERED:
        return
    raise ConfigError(
        f"{settings.ratings_file} ({file.layout}) is named without its catalogue, and the {source} "
        f"one is not of its shows: {known:.0%} of its ratings are of ids that happen to be in it. "
        "Name both: `make run STATE=another-folder RATINGS=... CATALOGUE=...`"
    )


def _variables(settings: Settings, state: Path) -> dict[str, str]:
    """Return what the processes are told beyond their environment."""
    # Whole paths, since the processes work in the folder of the Procfile.
    files = {
        config.variable(field): str(path.resolve())
        for field in ("ratings_file", "catalogue_file")
        if (path := getattr(settings, field)) is not None
    }
    return {
        **files,
        # The commands of the Procfile are beside this one, be its environment active or not.
        "PATH": config.path_with(Path(sys.executable).parent),
        "TVREC_STATE_DIR": str(state),
        "TVREC_HOST": settings.host,
        "TVREC_MLFLOW_PORT": str(settings.mlflow_port),
        "TVREC_SERVICE_PORT": str(settings.service_port),
        "TVREC_METRICS_PORT": str(settings.metrics_port),
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "PYTHONUNBUFFERED": "1",
        # An arena for each of many threads, most of which sleep, is memory that nobody uses.
        "MALLOC_ARENA_MAX": "2",
        # The job runner and its helpers are four fifths of the server's memory.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "BENTOML_HOME": str(state / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "OTEL_SDK_DISABLED": "true",
    }


class _Manager(Manager):  # type: ignore[misc]
    """Stops MLflow a moment after the others, so that an open run can still be ended."""

    _asked = False

    def terminate(self) -> None:
        """Ask everything to end."""
        if self._asked:
            return
        self._asked = True
        for name, process in self._processes.items():
            if name != LAST and "pid" in process and "returncode" not in process:
                self._procmgr.terminate(process["pid"])
        threading.Timer(LAST_SECONDS, super().terminate).start()


def _as_sigterm(_: int, __: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
