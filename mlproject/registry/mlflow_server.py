"""An MLflow server: its address, and its errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import requests
from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from mlproject import config
from mlproject.core.errors import TrackingUnavailableError

NOT_FOUND: Final = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)

_PING_SECONDS: Final = 5
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

    @property
    def client(self) -> MlflowClient:
        """MLflow's client of this server."""
        return MlflowClient(self.uri, self.uri)

    def find_experiment(self, name: str) -> Experiment | None:
        """Return an experiment, None if there is none; to be called where errors are translated.

        Raises
        ------
        TrackingUnavailableError
            If it was deleted, with the command that restores it.
        """
        found = self.client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == LifecycleStage.DELETED:
            raise TrackingUnavailableError(
                f"the experiment {name!r} at {self.uri} was deleted; `MLFLOW_TRACKING_URI="
                f"{self.uri} mlflow experiments restore -x {found.experiment_id}` restores it"
            )
        return found

    def ping(self) -> None:
        """Raise TrackingUnavailableError if the server does not answer."""
        with self.translated():
            # By MLflow's own call, which knows its credentials, proxies and certificates.
            credentials = get_default_host_creds(self.uri)  # type: ignore[no-untyped-call]
            answer = http_request(  # type: ignore[no-untyped-call]
                credentials, "/health", "GET", timeout=_PING_SECONDS, max_retries=0
            )
            answer.raise_for_status()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise what MLflow raises as TrackingUnavailableError.

        MLflow lets through some errors of its HTTP library, requests.
        """
        try:
            yield
        except (MlflowException, requests.RequestException) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> TrackingUnavailableError:
        # MLflow's own error about a server that is away has that of requests behind it.
        below = error.__cause__ or error.__context__
        if isinstance(error, requests.RequestException) or isinstance(
            below, requests.RequestException
        ):
            here = urlsplit(self.uri).hostname in {"127.0.0.1", "localhost", "::1"}
            hint = " (`make run` starts it)" if here else ""
            return TrackingUnavailableError(
                f"MLflow at {self.uri} does not answer; it may still be starting{hint}, "
                f"or MLFLOW_TRACKING_URI is wrong{config.through_proxy(self.uri)}"
            )
        if any(sign in str(error).lower() for sign in _FULL):
            return TrackingUnavailableError(
                f"the disk of MLflow at {self.uri} is full: make room there; `tvrec retain` throws "
                "away what is no longer kept"
            )
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        return TrackingUnavailableError(f"MLflow at {self.uri} refused: {first_line}")
