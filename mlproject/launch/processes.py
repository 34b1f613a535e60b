"""The processes of ``make run``: started together, ended together, MLflow last."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing import Queue
from pathlib import Path
from types import FrameType
from typing import Any, Final

import honcho.manager
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.process import Process

from mlproject import config
from mlproject.config import Settings
from mlproject.launch.checks import check_data, check_port
from mlproject.monitoring.port import OFFSETS, port_of
from mlproject.objects.locks import hold

log = logging.getLogger(__name__)

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


class _Process(Process):  # type: ignore[misc]
    """A part, beside what forwards its lines; it ends with the manager, even a killed one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._manager = os.getpid()  # asked for later, it may have been killed already

    def run(self, events: "Queue[object]", ignore_signals: bool = False) -> None:  # noqa: FBT001, FBT002 - honcho's
        """Start the part, and forward what it says until it ends."""
        threading.Thread(target=self._end_with_manager, args=(events,), daemon=True).start()
        super().run(events, ignore_signals)

    def _end_with_manager(self, events: "Queue[object]") -> None:
        while os.getppid() == self._manager or self._child is None:
            time.sleep(1)
        events.cancel_join_thread()  # nobody reads them
        if self.name == LAST:
            time.sleep(LAST_SECONDS)
        for number, patience in ((signal.SIGTERM, PATIENCE_SECONDS), (signal.SIGKILL, 0)):
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)
            time.sleep(patience)


class _Manager(Manager):  # type: ignore[misc]
    """Stops MLflow a moment after the others, so that an open run can still be ended."""

    _asked = False

    def __init__(self) -> None:
        super().__init__()
        self.returncode: int | None = None
        self._process_ctor = _Process

    def _any_stopped(self) -> bool:
        # What forwards for a part says when that ends, unless it is killed itself.
        for part in self._processes.values():
            if "returncode" not in part and (part["process"].exitcode or 0) < 0:
                part["returncode"] = part["process"].exitcode
                self.returncode = self.returncode or part["returncode"]
                with suppress(ProcessLookupError):
                    self._procmgr.terminate(part["pid"])
        return bool(super()._any_stopped())

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
