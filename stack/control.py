"""Starts, watches and stops the servers, with supervisord in between.

supervisord starts again whatever dies. It knows no health, so the servers are started here,
those first on which others rely, and those others when they answer.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import boto3
from botocore.client import Config

from stack.errors import StackError
from stack.layout import Layout, write_private
from stack.servers import ARTIFACTS_BUCKET, BUCKET, ROOT, Server, Stack, beside_python

Tell = Callable[[str], None]

_LAST_LINES: Final = 20
_STOP_SECONDS: Final = 60
_PAUSE_S: Final = 0.25


def start(stack: Stack, tell: Tell) -> None:
    """Start what does not run, in order.

    Parameters
    ----------
    stack
        What to start.
    tell
        Gets a line when something is up.

    Raises
    ------
    StackError
        If a server does not come up; with the last lines of its log.
    """
    stack.prepare()
    _write_supervisor_config(stack.layout, stack.servers())
    _write_environment(stack)
    layout = stack.layout
    if is_running(layout):
        # What its configuration has changed is stopped, and started below.
        _supervisorctl(layout, "update")
    else:
        _run([beside_python("supervisord"), "-c", str(layout.supervisor_config)])
    _start_together(layout, stack.stores(), tell)
    make_buckets(stack)
    _start_together(layout, stack.middle(), tell)
    if parts := stack.parts():
        _apply(stack)
        _start_together(layout, parts, tell)


def _start_together(layout: Layout, servers: list[Server], tell: Tell) -> None:
    """Start what does not run of servers that do not rely on each other."""
    began = time.monotonic()
    for server in servers:
        if _state(layout, server.name) != "RUNNING":
            _supervisorctl(layout, "start", server.name)
    for server in servers:
        wait(server, layout)
        tell(f"{server.name:24} up after {time.monotonic() - began:5.1f} s  {server.address}")


def wait(server: Server, layout: Layout) -> None:
    """Wait until a server answers; one without a port is not waited for.

    Raises
    ------
    StackError
        If it does not in its time, or died for good.
    """
    end = time.monotonic() + server.patience_s
    while server.is_healthy is not None and not server.is_healthy():
        gone = _state(layout, server.name) in {"FATAL", "STOPPED", "EXITED"}
        if gone or time.monotonic() > end:
            raise StackError(
                f"{server.name} did not come up; the last lines of {log_file(layout, server.name)}:"
                f"\n{last_lines(layout, server.name)}"
            )
        time.sleep(_PAUSE_S)


def stop(layout: Layout, tell: Tell) -> None:
    """Stop everything, in the reverse order; doing it twice is no error."""
    if not is_running(layout):
        tell("nothing runs")
        return
    pid = int((layout.folder / "supervisord.pid").read_text())
    _supervisorctl(layout, "shutdown")
    end = time.monotonic() + _STOP_SECONDS
    while _is_alive(pid):
        if time.monotonic() > end:
            raise StackError(f"supervisord (process {pid}) did not end in {_STOP_SECONDS} s")
        time.sleep(_PAUSE_S)
    tell("stopped; what is kept goes on at the next start")


def stop_server(layout: Layout, name: str) -> None:
    """Stop one server; what it keeps stays."""
    _supervisorctl(layout, "stop", name)


def start_server(stack: Stack, name: str) -> None:
    """Start one server, and wait until it answers."""
    (server,) = (server for server in stack.servers() if server.name == name)
    _supervisorctl(stack.layout, "start", name)
    wait(server, stack.layout)


def kill_server(layout: Layout, name: str) -> None:
    """End one server by SIGKILL; supervisord starts it again."""
    _supervisorctl(layout, "signal", "KILL", name)


def pid(layout: Layout, name: str) -> int:
    """Return the process id of a server that runs."""
    return int(_supervisorctl(layout, "pid", name))


def status(stack: Stack) -> Iterator[tuple[str, str, bool | None, str]]:
    """Yield name, supervisord's word, health and address of each server.

    The health is None of a server that has no port at which to ask.
    """
    lines = _supervisorctl(stack.layout, "status", check=False).splitlines()
    told = {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.strip()}
    for server in stack.servers():
        healthy = None if server.is_healthy is None else server.is_healthy()
        yield server.name, told.get(server.name, "STOPPED"), healthy, server.address


def is_running(layout: Layout) -> bool:
    """Tell whether supervisord runs for this folder."""
    if not layout.supervisor_config.exists():
        return False
    return _supervisorctl(layout, "pid", check=False).strip().isdigit()


def log_file(layout: Layout, name: str) -> Path:
    """Return where a server's output goes."""
    return layout.logs / f"{name}.log"


def last_lines(layout: Layout, name: str) -> str:
    """Return the end of a server's output."""
    with suppress(FileNotFoundError):
        lines = log_file(layout, name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])
    return "(no output)"


def make_buckets(stack: Stack) -> None:
    """Make the buckets that are not there."""
    client = boto3.client(
        "s3",
        endpoint_url=stack.environment["S3_ENDPOINT_URL"],
        aws_access_key_id=stack.secrets.s3_key_id,
        aws_secret_access_key=stack.secrets.s3_secret,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    for name in {BUCKET, ARTIFACTS_BUCKET} - there:
        client.create_bucket(Bucket=name)


def _apply(stack: Stack) -> None:
    """Make the topics and the connector, by the commands that a cluster uses too."""
    for words in (("topics", "apply"), ("connect", "apply")):
        _run([beside_python("tvrec"), *words], stack.environment)


def _write_supervisor_config(layout: Layout, servers: list[Server]) -> None:
    socket = layout.folder / "supervisor.sock"
    sections = [
        _section("unix_http_server", {"file": str(socket), "chmod": "0700"}),
        _section(
            "supervisord",
            {
                "logfile": str(layout.logs / "supervisord.log"),
                "pidfile": str(layout.folder / "supervisord.pid"),
                "directory": str(ROOT),
                "umask": "022",
            },
        ),
        _section("supervisorctl", {"serverurl": f"unix://{socket}"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": ("supervisor.rpcinterface:make_main_rpcinterface")},
        ),
    ]
    for place, server in enumerate(servers):
        options = {
            "command": " ".join(map(_quoted, server.command)),
            "priority": str(place),
            "autostart": "false",
            "autorestart": "true",
            "startretries": "10",
            "stopwaitsecs": "20",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(log_file(layout, server.name)),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "1",
        }
        if server.environment:
            options["environment"] = ",".join(
                f"{name}={_quoted(value)}" for name, value in server.environment.items()
            )
        if server.user:
            options["user"] = server.user
        sections.append(_section(f"program:{server.name}", options))
    # It holds the servers' secrets.
    write_private(layout.supervisor_config, "\n".join(sections))


def _write_environment(stack: Stack) -> None:
    lines = [f"export {name}={_quoted(value)}\n" for name, value in stack.environment.items()]
    write_private(stack.layout.environment_file, "".join(lines))


def _section(name: str, options: dict[str, str]) -> str:
    # supervisord expands %(name)s.
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in options.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _state(layout: Layout, name: str) -> str:
    words = _supervisorctl(layout, "status", name, check=False).split()
    return words[1] if len(words) > 1 else "UNKNOWN"


def _supervisorctl(layout: Layout, *words: str, check: bool = True) -> str:
    return _run(
        [beside_python("supervisorctl"), "-c", str(layout.supervisor_config), *words], check=check
    )


def _run(
    command: list[str], environment: dict[str, str] | None = None, *, check: bool = True
) -> str:
    done = subprocess.run(  # noqa: S603
        command,
        # Not by env(1): every user of the machine can read arguments.
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        program = Path(command[0]).name
        raise StackError(f"{program} failed: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
