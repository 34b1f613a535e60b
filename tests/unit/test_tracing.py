"""Spans come to a collector, and hold no more than they are to tell."""

import sys
from subprocess import run

import pytest

from mlproject.tracing import Tracing
from tests.collector import Collector, attributes, collecting

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def test_a_span_lies_below_the_one_that_is_open() -> None:
    with collecting() as collector:
        tracing = Tracing.to(collector.address, "model-builder")
        with tracing.span("cycle", {"tvrec.cycle": "abc"}), tracing.span("load"):
            pass
        tracing.close()
    cycle, load = collector.named("cycle"), collector.named("load")
    assert load.parent_span_id == cycle.span_id
    assert attributes(cycle) == {"tvrec.cycle": "abc"}
    assert collector.parts == {"model-builder"}


def test_a_request_lies_below_its_callers_span_and_what_is_done_for_it_below_it() -> None:
    with collecting() as collector:
        tracing = Tracing.to(collector.address, "recommendations-service")
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        request = tracing.request("POST", "/rate", headers)
        with tracing.span("store event"):
            pass
        request.end(201, {"tvrec.version": 3})
        tracing.close()
    rate, durable = collector.named("POST /rate"), collector.named("store event")
    assert (rate.trace_id.hex(), rate.parent_span_id.hex()) == (TRACE, PARENT)
    assert durable.parent_span_id == rate.span_id
    assert attributes(rate) == {
        "http.request.method": "POST",
        "http.route": "/rate",
        "http.response.status_code": 201,
        "tvrec.version": 3,
    }


@pytest.mark.parametrize(("status", "is_error"), [(0, False), (404, False), (503, True)])
def test_only_our_own_fault_is_an_error(status: int, is_error: bool) -> None:  # noqa: FBT001
    with collecting() as collector:
        tracing = Tracing.to(collector.address, "recommendations-service")
        tracing.request("GET", "/model", {}).end(status, {})
        tracing.close()
    span = collector.named("GET /model")
    assert (span.status.code == span.status.STATUS_CODE_ERROR) == is_error


def test_of_an_error_the_kind_is_told_and_not_the_text() -> None:
    def fail(collector: Collector) -> None:
        tracing = Tracing.to(collector.address, "model-builder")
        try:
            with tracing.span("load"):
                raise OSError("password=hunter2")
        finally:
            tracing.close()

    with collecting() as collector, pytest.raises(OSError, match="hunter2"):
        fail(collector)
    span = collector.named("load")
    assert span.status.message == "OSError"
    assert "hunter2" not in str(span)


def test_without_an_address_nothing_of_it_is_imported() -> None:
    asked = (
        "import sys; from mlproject import config; from mlproject.bootstrap import App;"
        "import mlproject.serving.entrance;"
        "assert App(config.load()).tracing('model-builder') is None;"
        "assert not {'mlproject.tracing', 'opentelemetry.sdk'} & set(sys.modules)"
    )
    done = run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
