"""Asks the REST service."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from mlproject.core.errors import RequestError, UnavailableError
from mlproject.http_client import request

_READY_SECONDS: Final = 2.0
_RATE_SECONDS: Final = 10.0
_OK, _CREATED, _BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND = 200, 201, 400, 401, 404


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A client of the REST service; it connects at the first call.

    Parameters
    ----------
    url
        Where the service is.
    token
        What it asks for, if it does.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def is_ready(self) -> bool:
        """Tell whether the service answers ``/readyz``."""
        try:
            with request("GET", f"{self.url}/readyz", timeout_s=_READY_SECONDS) as answer:
                return answer.status == _OK
        except UnavailableError:
            return False

    def model(self) -> dict[str, Any]:
        """Return the answer of ``GET /model``, {} if there is none."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.url}/model"
        try:
            with request("GET", url, headers=headers, timeout_s=_READY_SECONDS) as answer:
                return _object(answer.data) if answer.status == _OK else {}
        except UnavailableError:
            return {}

    def rate(self, *, user_id: int, show_id: int, rating: int) -> dict[str, Any]:
        """Send a rating to ``POST /rate`` and return the answer.

        Raises
        ------
        UnavailableError
            If the service does not answer or has not acknowledged the rating.
        RequestError
            If the service refuses it.
        """
        asked = {"user_id": user_id, "show_id": show_id, "rating": rating}
        return self._noted("POST", asked, _CREATED)

    def take_back(self, *, user_id: int, show_id: int) -> dict[str, Any]:
        """Take a rating back by ``DELETE /rate`` and return the answer.

        Raises
        ------
        UnavailableError, RequestError
            As :meth:`rate`; it is refused too if there is no rating.
        """
        return self._noted("DELETE", {"user_id": user_id, "show_id": show_id}, _OK)

    def _noted(self, method: str, asked: dict[str, Any], good: int) -> dict[str, Any]:
        """Send what is to be noted, and return the answer if its status is the good one."""
        url = f"{self.url}/rate"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            with request(
                method, url, json=asked, headers=headers, timeout_s=_RATE_SECONDS
            ) as answer:
                status, told = answer.status, _object(answer.data)
        except UnavailableError as error:
            raise UnavailableError(
                f"the service at {self.url} does not answer ({error}); `make run` starts it"
            ) from error
        if status == good and told:
            return told
        sentence = told.get("error")
        if status == _UNAUTHORIZED:
            raise RequestError(
                f"the service at {self.url} refuses the token; set TVREC_SERVICE_TOKEN"
            )
        if status in {_BAD_REQUEST, _NOT_FOUND} and sentence:
            raise RequestError(str(sentence))
        raise UnavailableError(str(sentence or f"{url} answers {status}"))


def _object(body: bytes) -> dict[str, Any]:
    """Return a body's JSON object, an empty one if it is anything else."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
