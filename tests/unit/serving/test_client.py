"""Asking the service, whatever answers at its address."""

import pytest

from mlproject.core.errors import RequestError, UnavailableError
from mlproject.serving.client import ServiceClient
from tests.builders import Answers, http_server, raw_server, serve


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (204, False), (404, False), (503, False)]
)
def test_only_200_is_ready(status: int, *, ready: bool) -> None:
    with http_server(status) as address:
        assert ServiceClient(address).is_ready() is ready


def test_a_port_on_which_nothing_listens_is_not_ready(nobody: str) -> None:
    assert not ServiceClient(f"http://{nobody}").is_ready()


def test_a_server_that_hangs_up_is_not_ready() -> None:
    with raw_server(b"") as address:
        assert not ServiceClient(address).is_ready()


def test_a_server_of_another_protocol_is_not_ready() -> None:
    with raw_server(b"SSH-2.0-OpenSSH_9.9\r\n") as address:
        assert not ServiceClient(address).is_ready()


def rated(address: str) -> dict[str, object]:
    return ServiceClient(address).rate(user_id=1, show_id=2, rating=8)


def test_a_rating_is_sent_and_the_answer_returned() -> None:
    with http_server(201, b'{"offset": 3}') as address:
        assert rated(address) == {"offset": 3}


def taken_back(address: str) -> dict[str, object]:
    return ServiceClient(address).take_back(user_id=1, show_id=2)


def test_a_rating_is_taken_back_and_the_answer_returned() -> None:
    with http_server(200, b'{"offset": 4}') as address:
        assert taken_back(address) == {"offset": 4}


def test_a_rating_that_is_none_is_refused_with_the_services_sentence() -> None:
    with (
        http_server(404, b'{"error": "user 1 has no rating of show 2"}') as address,
        pytest.raises(RequestError, match=r"^user 1 has no rating of show 2$"),
    ):
        taken_back(address)


def test_a_refusal_is_the_services_own_sentence() -> None:
    with (
        http_server(400, b'{"error": "rating must be"}') as address,
        pytest.raises(RequestError, match=r"^rating must be$"),
    ):
        rated(address)


def test_a_service_that_wants_a_token_names_the_setting() -> None:
    with (
        http_server(401, b'{"error": "a token is needed"}') as address,
        pytest.raises(RequestError, match="TVREC_SERVICE_TOKEN"),
    ):
        rated(address)


def test_a_token_is_sent_and_not_shown() -> None:
    class Guarded(Answers):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
            known = self.headers["Authorization"] == "Bearer a-token"
            self.status, self.body = (201, b'{"offset": 3}') if known else (401, b"{}")
            super().do_POST()

    with serve(Guarded) as address:
        client = ServiceClient(address, "a-token")
        assert client.rate(user_id=1, show_id=2, rating=3) == {"offset": 3}
    assert "a-token" not in repr(client)


def test_an_answer_without_an_acknowledgement_is_not_taken_for_one() -> None:
    with (
        http_server(503, b'{"error": "not acknowledged"}') as address,
        pytest.raises(UnavailableError, match=r"^not acknowledged$"),
    ):
        rated(address)
    with (
        http_server(502, b"Bad Gateway") as address,
        pytest.raises(UnavailableError, match=r"/rate answers 502$"),
    ):
        rated(address)
    with (
        http_server(201, b"[]") as address,
        pytest.raises(UnavailableError, match=r"/rate answers 201$"),
    ):
        rated(address)


def test_no_service_is_said_with_what_to_do(nobody: str) -> None:
    with pytest.raises(
        UnavailableError, match=r"does not answer \(Connection refused\); `make run` starts it"
    ):
        rated(f"http://{nobody}")
    with (
        raw_server(b"SSH-2.0-OpenSSH_9.9\r\n") as address,
        pytest.raises(UnavailableError, match="does not answer"),
    ):
        rated(address)
