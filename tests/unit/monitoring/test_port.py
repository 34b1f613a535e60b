"""The port at which a process tells what it counts."""

import socket
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from mlproject import config
from mlproject.core.errors import AlreadyRunningError
from mlproject.monitoring.port import OFFSETS, port_of, telling
from tests.servers import free_port


def test_without_a_port_nothing_is_told() -> None:
    settings = config.load()
    assert port_of(settings, "model-builder") is None
    with telling(settings, "model-builder", CollectorRegistry()):
        pass


def test_all_parts_have_ports_of_their_own() -> None:
    settings = config.load(metrics_port=9464)
    assert len({port_of(settings, part) for part in OFFSETS}) == len(OFFSETS)


def test_prometheus_gets_what_is_counted_until_the_end() -> None:
    registry = CollectorRegistry()
    Counter("things", "Things", registry=registry).inc(3)
    port = free_port()
    address = f"http://127.0.0.1:{port}/metrics"
    with telling(config.load(metrics_port=port), "model-builder", registry):
        assert b"things_total 3.0" in urlopen(address, timeout=5).read()
    with pytest.raises(OSError, match="refused"):
        urlopen(address, timeout=5)


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = config.load(metrics_port=port - 1)
        with (
            pytest.raises(AlreadyRunningError, match=r"Choose another TVREC_METRICS_PORT"),
            telling(settings, "event-generator", CollectorRegistry()),
        ):
            pass
