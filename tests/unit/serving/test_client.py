"""Whether the service is ready, whatever answers at its address."""

import pytest

from mlproject.serving.client import is_ready
from tests.builders import http_server, raw_server
from tests.servers import free_port


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (204, False), (404, False), (503, False)]
)
def test_only_200_is_ready(status: int, *, ready: bool) -> None:
    with http_server(status) as address:
        assert is_ready(address) is ready


def test_a_port_on_which_nothing_listens_is_not_ready() -> None:
    assert not is_ready(f"http://127.0.0.1:{free_port()}")


def test_a_server_that_hangs_up_is_not_ready() -> None:
    with raw_server(b"") as address:
        assert not is_ready(address)


def test_a_server_of_another_protocol_is_not_ready() -> None:
    with raw_server(b"SSH-2.0-OpenSSH_9.9\r\n") as address:
        assert not is_ready(address)
