"""Spans of a real `make run`, read as an operator does: from a rating to the run that used it."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector, attributes, collecting
from tests.make_run import Running, up, wait_for_answer
from tests.servers import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


def sent(running: Running, path: str, **body: int) -> Any:
    request = urllib.request.Request(
        f"{running.service}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "traceparent": CALLER},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def of_the_caller(collector: Collector) -> dict[str, Any]:
    """The spans of the caller's trace, by name."""
    return {span.name: span for span in collector.spans if span.trace_id.hex() == TRACE}


def cycles_with(collector: Collector, partition: int, offset: int) -> list[Any]:
    """The cycles whose ratings go beyond an event, by the tag that their runs have too."""
    told = [(span, attributes(span)) for span in collector.spans if span.name == "cycle"]
    return [
        span
        for span, told_of in told
        if json.loads(told_of.get("tvrec.offsets", "{}")).get(str(partition), 0) > offset
    ]


def test_a_rating_leads_to_its_answer_and_to_its_run(tmp_path: Path) -> None:
    with (
        collecting() as collector,
        up(tmp_path / "var", TVREC_TRACE=collector.address, TVREC_BUILD_INTERVAL="5") as running,
    ):
        wait_for_answer(running)
        show = sent(running, "/recommend", user_id=990_001)["items"][0]["show_id"]
        rated = sent(running, "/rate", user_id=990_001, show_id=show, rating=9)
        wait_until(lambda: len(of_the_caller(collector)) == 4, 30, "the spans of the requests")
        spans = of_the_caller(collector)
        ranked, asked = spans["rank"], spans["POST /recommend"]
        assert ranked.parent_span_id == asked.span_id
        assert asked.start_time_unix_nano <= ranked.start_time_unix_nano
        assert ranked.end_time_unix_nano <= asked.end_time_unix_nano
        place = attributes(spans["store event"])
        assert place["tvrec.event_id"] == rated["event_id"]
        where = place["tvrec.partition"], place["tvrec.offset"]
        wait_until(lambda: bool(cycles_with(collector, *where)), 120, "the cycle that has it")
        cycle = cycles_with(collector, *where)[0]
        below = [span for span in collector.spans if span.parent_span_id == cycle.span_id]
        assert {span.name for span in below} == {"load", "drift", "foresee", "train"}
        runs = {attributes(span)["tvrec.run_id"] for span in below if span.name == "train"}
        with urllib.request.urlopen(
            f"{running.mlflow}/api/2.0/mlflow/runs/get?run_id={min(runs)}", timeout=10
        ) as answer:
            tags = json.load(answer)["run"]["data"]["tags"]
        found = {tag["key"]: tag["value"] for tag in tags}
        assert found["cycle"] == attributes(cycle)["tvrec.cycle"]
        assert found["offsets"] == attributes(cycle)["tvrec.offsets"]
        assert collector.parts == {"recommendations-service", "model-builder"}
