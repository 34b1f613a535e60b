"""A client of MLflow's REST API, which raises this project's errors.

Only what logs a run needs MLflow's own client, whose import takes seconds and 100 MB: commands and
the service ask the server by the documented API instead
(https://mlflow.org/docs/latest/api_reference/rest-api.html).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError
from urllib3.util import Retry, Timeout, make_headers

from mlproject import config
from mlproject.core.errors import TrackingUnavailableError
from mlproject.http_client import USER_AGENT, connections

NOTE: Final = "mlflow.note.content"
"""The tag whose Markdown MLflow's page shows as the description."""
NOT_FOUND: Final = "RESOURCE_DOES_NOT_EXIST"
# An alias or a version 0 that is not there is an invalid parameter to MLflow.
NOT_THERE: Final = frozenset({NOT_FOUND, "INVALID_PARAMETER_VALUE"})

# A server that takes connections and never answers is told within this, whatever is asked.
_TIMEOUT: Final = Timeout(connect=5, read=10)
_PING_TIMEOUT: Final = Timeout(connect=5, read=5)
# Of a server or a proxy that is busy; the next cycle or the person tries again otherwise.
_RETRIES: Final = Retry(
    total=None,
    connect=0,
    read=0,
    other=0,
    redirect=5,
    status=2,
    status_forcelist={429, 502, 503, 504},
    allowed_methods=None,
    backoff_factor=0.2,
    raise_on_status=False,
)
CONNECTIONS: Final = 8
"""How many a process has to one server at once."""
_ERRORS: Final = 400
# Runs come with all that was logged: a busy server would take longer than is waited for more.
_PAGE: Final = 100
# As SQLite, PostgreSQL and the system say it.
_FULL: Final = ("no space left on device", "disk is full", "could not extend file")


@dataclass(frozen=True)
class MlflowServer:
    """A server that keeps runs and versions; nothing connects before the first call.

    Parameters
    ----------
    uri
        The server's address.
    """

    uri: str

    def ask(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        """Call the API, and return what the answer's JSON says.

        Parameters
        ----------
        method, path
            The endpoint, below ``/api/2.0/mlflow/``.
        fields
            What is asked; those that are None are left out.

        Raises
        ------
        TrackingUnavailableError
            If the server does not answer, or refuses.
        """
        return self._called(method, path, fields, frozenset())

    def find(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any] | None = None,
        missing: Iterable[str] = NOT_THERE,
    ) -> Any:
        """Call the API as :meth:`ask` does; None if what is asked for is not there.

        Parameters
        ----------
        method, path, fields
            As of :meth:`ask`.
        missing
            The codes of MLflow that say so.
        """
        return self._called(method, path, fields, frozenset(missing))

    def find_experiment(self, name: str) -> Mapping[str, Any] | None:
        """Return an experiment, None if there is none.

        Raises
        ------
        TrackingUnavailableError
            If it was deleted, with the command that restores it.
        """
        answer = self.find("GET", "experiments/get-by-name", {"experiment_name": name})
        if answer is None:
            return None
        found: Mapping[str, Any] = answer["experiment"]
        if found["lifecycle_stage"] == "deleted":
            raise TrackingUnavailableError(
                f"the experiment {name!r} at {self.uri} was deleted; `MLFLOW_TRACKING_URI="
                f"{self.uri} mlflow experiments restore -x {found['experiment_id']}` restores it"
            )
        return found

    def make_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Create an experiment, unless another process is faster; return its id."""
        fields = {"name": name, "tags": tag_list(tags)}
        made = self.find("POST", "experiments/create", fields, {"RESOURCE_ALREADY_EXISTS"})
        place = made or self.find_experiment(name)
        if place is None:  # and was deleted for good since
            raise self.refused(f"there is no experiment {name!r}")
        return str(place["experiment_id"])

    def search(
        self,
        experiment: str,
        query: str = "",
        order: Sequence[str] = ("attributes.start_time DESC",),
        *,
        limit: int,
    ) -> list[Mapping[str, Any]]:
        """Return the first runs of an experiment that a query finds; none if there is no such."""
        place = self.find_experiment(experiment)
        found: list[Mapping[str, Any]] = []
        token = None
        while place is not None and len(found) < limit:
            answer = self.ask(
                "POST",
                "runs/search",
                {
                    "experiment_ids": [place["experiment_id"]],
                    "filter": query,
                    "order_by": list(order),
                    "max_results": min(_PAGE, limit - len(found)),
                    "page_token": token,
                },
            )
            found += answer.get("runs", ())
            token = answer.get("next_page_token")
            if not token:
                break
        return found

    def end(self, run_id: str, status: str) -> None:
        """Note that a run has ended now, and how."""
        now = milliseconds(datetime.now(UTC))
        self.ask("POST", "runs/update", {"run_id": run_id, "status": status, "end_time": now})

    def ping(self) -> None:
        """Raise TrackingUnavailableError if the server does not answer."""
        with self.answer("GET", f"{self.uri}/health", timeout=_PING_TIMEOUT):
            pass

    @contextmanager
    def answer(
        self, method: str, url: str, *, timeout: Timeout = _TIMEOUT, **options: Any
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Send any request to the server, and yield its answer, whose body is not read yet.

        Raises
        ------
        TrackingUnavailableError
            If there is none, it breaks off, or it is an error.
        """
        try:
            answer = self._pool.request(
                method,
                url,
                headers=self._headers,
                preload_content=False,
                retries=_RETRIES,
                timeout=timeout,
                **options,
            )
            try:
                if answer.status >= _ERRORS:
                    raise self.refused(f"{answer.status} {answer.reason or ''}".strip())
                yield answer
                answer.drain_conn()
            finally:
                answer.release_conn()
        except HTTPError as error:
            raise self.silent() from error

    def silent(self) -> TrackingUnavailableError:
        """Return the error of a server that does not answer."""
        here = urlsplit(self.uri).hostname in config.LOOPBACK
        hint = " (`make run` starts it)" if here else ""
        return TrackingUnavailableError(
            f"MLflow at {self.uri} does not answer; it may still be starting{hint}, "
            f"or MLFLOW_TRACKING_URI is wrong{config.through_proxy(self.uri)}"
        )

    def refused(self, why: str) -> TrackingUnavailableError:
        """Return the error of a server that refuses."""
        if any(sign in why.lower() for sign in _FULL):
            return TrackingUnavailableError(
                f"the disk of MLflow at {self.uri} is full: make room there; `tvrec retain` "
                "deletes old models, runs and versions"
            )
        first_line = (why.splitlines() or ["no word"])[0]
        return TrackingUnavailableError(f"MLflow at {self.uri} refused: {first_line}")

    def _called(
        self, method: str, path: str, fields: Mapping[str, Any] | None, missing: frozenset[str]
    ) -> Any:
        url = f"{self.uri}/api/2.0/mlflow/{path}"
        given = {name: value for name, value in (fields or {}).items() if value is not None}
        try:
            if method == "GET":
                answer = self._request(method, f"{url}?{urlencode(given)}")
            else:
                answer = self._request(method, url, json=given)
        except HTTPError as error:
            raise self.silent() from error
        try:
            said = json.loads(answer.data or b"{}")
        except ValueError:
            said = {}
        if answer.status < _ERRORS:
            return said
        if said.get("error_code") in missing:
            return None
        raise self.refused(said.get("message") or f"{answer.status} {answer.reason or ''}".strip())

    def _request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        ask = partial(
            self._pool.request,
            method, url, headers=self._headers, retries=_RETRIES, timeout=_TIMEOUT, **options,
        )  # fmt: skip
        try:
            return ask()
        except MaxRetryError as error:
            # A server closes idle connections, maybe just as this one is used again: MLflow's
            # after five seconds, which is as often as the service looks.
            if method != "GET" or not isinstance(error.reason, ProtocolError):
                raise
            return ask()

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        access = config.mlflow_access()
        tls: dict[str, Any] = {}
        if access.insecure:
            tls = {"cert_reqs": "CERT_NONE"}
        elif access.server_certificate:
            tls = {"ca_certs": access.server_certificate}
        if access.client_certificate:
            tls["cert_file"] = access.client_certificate
        return connections(self.uri, maxsize=CONNECTIONS, **tls)

    @cached_property
    def _headers(self) -> dict[str, str]:
        access = config.mlflow_access()
        if access.token and not access.user:
            return {"User-Agent": USER_AGENT, "Authorization": f"Bearer {access.token}"}
        pair = f"{access.user}:{access.password}" if access.user else None
        return dict(make_headers(user_agent=USER_AGENT, basic_auth=pair))


def milliseconds(instant: datetime) -> int:
    """Return a time as MLflow counts it."""
    return round(instant.timestamp() * 1000)


def pairs(entries: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags or parameters as a mapping; MLflow lists them."""
    return {one["key"]: one["value"] for one in entries}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as MLflow takes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]
