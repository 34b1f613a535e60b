"""The port at which a process tells Prometheus what it counts.

Prometheus asks, so an answer that fails to come is itself a sign that a process is gone. A
pushgateway would go on telling the last figures of a process that died, and is one more
server; it is meant for jobs that end before anybody can ask, and these run for ever.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server

from mlproject import config
from mlproject.config import Settings
from mlproject.core.errors import AlreadyRunningError

log = logging.getLogger(__name__)

OFFSETS: Final = {"model-builder": 0, "event-generator": 1, "data-exporter": 2}
"""What is added to ``TVREC_METRICS_PORT``, so that all parts fit on one machine."""


def port_of(settings: Settings, part: str) -> int | None:
    """Return the port of a part, None if metrics are off."""
    return settings.metrics_port + OFFSETS[part] if settings.metrics_port else None


@contextmanager
def telling(settings: Settings, part: str, registry: CollectorRegistry) -> Iterator[None]:
    """Answer Prometheus inside the ``with`` block, if a port is set.

    Parameters
    ----------
    settings
        The address, and the port of the builder.
    part
        Who tells, one of :data:`OFFSETS`.
    registry
        What is told, at any path.

    Raises
    ------
    AlreadyRunningError
        If the port is in use.
    """
    port = port_of(settings, part)
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, settings.host, registry)
    except OSError as error:
        variable = config.variable("metrics_port")
        raise AlreadyRunningError(
            f"port {port} on {settings.host}, for the metrics of {part}, is not available: "
            f"{error.strerror}. Choose another {variable}, to which {part} adds {OFFSETS[part]}, "
            "or 0 for none"
        ) from error
    log.debug("metrics at http://%s:%d/metrics", settings.host, port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
