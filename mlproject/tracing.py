"""Spans of requests and cycles, sent by OpenTelemetry's protocol (OTLP) over HTTP.

Off unless an address is given; until then nothing of OpenTelemetry is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from mlproject import __version__
from mlproject.config.environment import forget

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from mlproject.core.spans import Tell, Value

_PATH: Final = "/v1/traces"
_FAULT: Final = 500
# Tries and pauses of a batch in all, for which the end of a process may have to wait.
_SECONDS: Final = 2


class RequestSpan:
    """The span of a request, until its answer; what is done meanwhile is told below it.

    Parameters
    ----------
    span
        Has begun.
    """

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        from opentelemetry import context, trace  # noqa: PLC0415

        self._span = span
        self._token: Token[Context] = context.attach(trace.set_span_in_context(span))

    def end(self, status: int, attributes: Mapping[str, Value]) -> None:
        """Tell how it went; ``status`` is 0 if the client has left before an answer."""
        from opentelemetry import context, trace  # noqa: PLC0415

        context.detach(self._token)
        self._span.set_attributes(attributes)
        if status:
            self._span.set_attribute("http.response.status_code", status)
        if status >= _FAULT:
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()


class Tracing:
    """Makes the spans of a process.

    Parameters
    ----------
    provider
        Sends them.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

        self._provider = provider
        self._tracer = provider.get_tracer("tvrec", __version__)
        self._propagator = tracecontext.TraceContextTextMapPropagator()

    @classmethod
    def to(cls, address: str, part: str) -> Self:
        """Send the spans of a part to a collector, in batches and beside the work.

        What else there is to say (headers, sampling) are the variables of OpenTelemetry.

        Parameters
        ----------
        address
            Of the collector, such as ``http://127.0.0.1:4318``.
        part
            As it is named in the metrics.
        """
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        # It is there to keep the libraries' own spans away.
        forget("OTEL_SDK_DISABLED")
        named = Resource.create({"service.name": part, "service.version": __version__})
        provider = TracerProvider(resource=named, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{address}{_PATH}", timeout=_SECONDS)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def request(self, method: str, route: str, headers: Mapping[str, str]) -> RequestSpan:
        """Begin the span of a request, below that of the caller if ``headers`` name one."""
        span = self._tracer.start_span(
            f"{method} {route}",
            self._propagator.extract(headers),
            attributes={"http.request.method": method, "http.route": route},
        )
        return RequestSpan(span)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value] | None = None) -> Iterator[Tell]:
        """Tell how long the ``with`` block takes, as :class:`~mlproject.core.spans.Span` says."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        # The text of an error may hold what must not be told.
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span.set_attributes
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def flush(self) -> None:
        """Send what waits before returning."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
