"""The connector on a Kafka Connect cluster, by its REST API.

https://kafka.apache.org/documentation/#connect_rest
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, urlsplit

from mlproject.core.errors import ConfigError, ConnectorFailedError, UnavailableError
from mlproject.http_client import request

log = logging.getLogger(__name__)

# To take a config, Connect may have its workers share the tasks anew.
_READ_TIMEOUT_S: Final = 10.0
_CHANGE_TIMEOUT_S: Final = 30.0
_PAUSE_S: Final = 1.0
# A task counts as running before it has got its partitions and looked into the bucket,
# for which Kafka takes three seconds; and what Connect tells right after a change is old.
_SETTLED_S: Final = 6.0
_TRACE_LINES: Final = 3

_REFUSED, _BAD_REQUEST, _DENIED, _NOT_FOUND, _CONFLICT = 400, 400, (401, 403), 404, 409

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task: where it runs, in which state, and the trace if it failed."""

    task: int
    state: str
    worker: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """The connector and its tasks; states are Connect's words, RUNNING and so on."""

    state: str
    trace: str
    tasks: tuple[TaskState, ...]

    @property
    def running(self) -> bool:
        """Whether the connector and all of its tasks, at least one, are running."""
        states = {self.state, *(task.state for task in self.tasks)}
        return bool(self.tasks) and states == {"RUNNING"}

    @property
    def failures(self) -> list[str]:
        """A sentence for each part that failed: the first and last causes of its trace."""
        parts = [("connector", self.state, self.trace)]
        parts += [(f"task {task.task}", task.state, task.trace) for task in self.tasks]
        return [
            f"{part} has failed: {causes(trace)}"
            for part, state, trace in parts
            if state == "FAILED"
        ]

    def __str__(self) -> str:
        tasks = ", ".join(f"task {task.task} {task.state}" for task in self.tasks) or "no tasks"
        return f"connector {self.state}, {tasks}"


def causes(trace: str) -> str:
    r"""Return what a Java stack trace says in words: its exceptions, the frames left out.

    Examples
    --------
    >>> causes("a.b.ConnectException: no\n\tat a.b.C.d(C.java:1)\nCaused by: a.IOError: x\n\t...")
    'ConnectException: no; caused by IOError: x'
    """
    lines = [line.strip() for line in trace.splitlines() if line and not line.startswith("\t")]
    # The outermost, which says what was attempted, and the innermost, which says why not.
    kept = lines if len(lines) <= _TRACE_LINES else [lines[0], *lines[1 - _TRACE_LINES :]]
    named = [
        f"{exception.rpartition('.')[2]}{colon}{text}"
        for exception, colon, text in (
            line.removeprefix("Caused by: ").partition(": ") for line in kept
        )
    ]
    return "; caused by ".join(named) or "no reason given"


@dataclass(frozen=True, slots=True)
class ConnectClient:
    """The calls of the REST API that we make; nothing connects before the first.

    Parameters
    ----------
    url
        Where Connect is; a user and a password may be in it.

    Raises
    ------
    ConfigError
        If the address is not one of HTTP.
    """

    url: str = field(repr=False)
    where: str = field(init=False)
    """The address without its password."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("TVREC_CONNECT_URL should be like http://connect:8083")
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        object.__setattr__(self, "where", bare)

    def config(self, name: str) -> dict[str, str] | None:
        """Return a connector's config; None if there is no such connector."""
        found: dict[str, str] | None = self._call("GET", f"/connectors/{quote(name)}/config")
        return found

    def put_config(self, name: str, config: Mapping[str, str]) -> None:
        """Create a connector, or change its config."""
        self._call("PUT", f"/connectors/{quote(name)}/config", config)

    def restart_failed(self, name: str) -> None:
        """Restart what has failed of a connector."""
        self._call("POST", f"/connectors/{quote(name)}/restart?includeTasks=true&onlyFailed=true")

    def state(self, name: str) -> ConnectorState | None:
        """Return how a connector is; None if there is no such connector, or not yet."""
        found = self._call("GET", f"/connectors/{quote(name)}/status")
        if found is None:
            return None
        try:
            tasks = tuple(
                TaskState(task["id"], task["state"], task["worker_id"], task.get("trace") or "")
                for task in found["tasks"]
            )
            connector = found["connector"]
            return ConnectorState(connector["state"], connector.get("trace") or "", tasks)
        except (KeyError, TypeError) as error:
            raise self._unusable() from error

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """Make a call; None if what it is about is not there.

        Raises
        ------
        UnavailableError
            If Connect does not answer, or not now: while it starts, or while tasks are
            shared out anew (409).
        ConfigError
            If Connect finds the config wrong, or does not permit the call.
        """
        parts = urlsplit(self.url)
        credentials = None
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        try:
            with request(
                method,
                self.where + path,
                timeout_s=_READ_TIMEOUT_S if method == "GET" else _CHANGE_TIMEOUT_S,
                json=body,
                credentials=credentials,
            ) as answer:
                status, content = answer.status, answer.data
        except UnavailableError as error:
            raise UnavailableError(
                f"Kafka Connect at {self.where} does not answer ({error}); start it, or correct "
                "TVREC_CONNECT_URL"
            ) from error
        if status >= _REFUSED:
            return self._refused(status, content)
        try:
            return json.loads(content) if content else {}
        except ValueError as error:
            raise self._unusable() from error

    def _refused(self, status: int, content: bytes) -> None:
        """Return None if what was asked for is not there; raise for anything else."""
        if status in _DENIED:
            raise ConfigError(
                f"Kafka Connect at {self.where} does not permit this (HTTP status {status}); "
                "put user and password into TVREC_CONNECT_URL"
            )
        try:
            message = json.loads(content)["message"]
        except (ValueError, KeyError, TypeError):
            raise self._unusable(status) from None
        if status == _NOT_FOUND:
            return
        if status == _BAD_REQUEST or "Failed to find any class" in message:
            raise ConfigError(
                f"Kafka Connect at {self.where} finds the config wrong: {_sentences(message)}"
            )
        why = "is sharing out its tasks anew" if status == _CONFLICT else f"has trouble: {message}"
        raise UnavailableError(f"Kafka Connect at {self.where} {why}")

    def _unusable(self, status: int | None = None) -> UnavailableError:
        told = "no JSON of its own" if status is None else f"HTTP status {status}"
        return UnavailableError(
            f"what answers at {self.where} is no Kafka Connect, or it is still starting ({told})"
        )


def _sentences(message: str) -> str:
    """Return what Connect says of a config, without its preamble and its advice."""
    lines = [line.strip() for line in message.splitlines()]
    kept = [
        line
        for line in lines
        if line
        and not line.startswith(
            ("Connector configuration is invalid", "You can also find the above list")
        )
    ]
    # After the classes that are not there Connect lists all that are.
    return "; ".join(kept).partition(", available connectors are")[0] or message


def apply_config(
    client: ConnectClient,
    config: Mapping[str, str],
    *,
    timeout_s: float,
    on_change: Callable[[Mapping[str, str] | None], None],
    settled_s: float = _SETTLED_S,
    dry_run: bool = False,
) -> ConnectorState | None:
    """Give a connector its config if it has another, and wait until it runs.

    Tasks that failed under the same config are restarted: what they lacked, a bucket
    say, may be there by now.

    Parameters
    ----------
    client
        The Connect cluster; it may still be starting.
    config
        What the connector of its ``name`` should be told.
    timeout_s
        Seconds for all of this.
    on_change
        Is told the config that was there, None if there was no connector, once it is
        replaced; it is not called if the two are equal.
    settled_s
        Seconds for which the state must hold after something was changed.
    dry_run
        Call ``on_change`` and change nothing.

    Returns
    -------
    ConnectorState or None
        Running; None after a dry run.

    Raises
    ------
    ConfigError
        If Connect finds the config wrong, or somebody has paused the connector.
    ConnectorFailedError
        If the connector or a task fails.
    UnavailableError
        If it does not run in time.
    """
    deadline = time.monotonic() + timeout_s
    name, wanted = config["name"], dict(config)
    found = _patiently(lambda: client.config(name), deadline)
    changed = found != wanted
    if changed:
        if not dry_run:
            _patiently(lambda: client.put_config(name, wanted), deadline)
        on_change(found)
    if dry_run:
        return None
    if not changed:
        state = _patiently(lambda: client.state(name), deadline)
        if state is not None and state.failures:
            log.info("restarting what has failed: %s", "; ".join(state.failures))
            _patiently(lambda: client.restart_failed(name), deadline)
            changed = True
    return _wait_until_running(client, name, deadline, settled_s if changed else 0)


def _wait_until_running(
    client: ConnectClient, name: str, deadline: float, settled_s: float
) -> ConnectorState:
    since, last = time.monotonic(), ""
    while True:
        state = _patiently(lambda: client.state(name), deadline)
        now = time.monotonic()
        if str(state) != last:
            since, last = now, str(state)
        if state is not None and now - since >= settled_s:
            if state.running:
                return state
            if state.failures:
                raise ConnectorFailedError(
                    f"{name}: {'; '.join(state.failures)}. Mend it and apply again, which "
                    "restarts what has failed"
                )
            if state.state in {"PAUSED", "STOPPED"}:
                raise ConfigError(
                    f"{name} is {state.state}, as somebody has asked; "
                    f"`curl -X PUT {client.where}/connectors/{name}/resume` lets it go on"
                )
        if now + _PAUSE_S > deadline:
            raise UnavailableError(
                f"{name} does not run in time: {state or 'Connect does not know it yet'}; "
                "`tvrec connect status` shows how it goes on, --timeout waits longer"
            )
        time.sleep(_PAUSE_S)


def _patiently(call: Callable[[], Result], deadline: float) -> Result:
    """Call until Connect answers; raise what it said last if it has not at the deadline."""
    said = ""
    while True:
        try:
            return call()
        except UnavailableError as error:
            if time.monotonic() + _PAUSE_S > deadline:
                raise
            if str(error) != said:
                said = str(error)
                log.warning("%s; trying again", said)
        time.sleep(_PAUSE_S)
