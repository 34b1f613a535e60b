"""What a person reads of a run first."""

from datetime import UTC, datetime

from mlproject.batches.sink import BatchSink
from mlproject.core.interactions import Split
from mlproject.pipelines.dataset import load_dataset
from mlproject.pipelines.describing import note, run_name, spent
from mlproject.pipelines.incumbents import Incumbents
from mlproject.registry.gate import Outcome, Verdict
from mlproject.testing import MemoryStore
from tests.builders import put_catalogue, ratings, shows


def test_a_run_is_named_by_when_what_and_how_much_is_new(store: MemoryStore) -> None:
    put_catalogue(store, shows(120))
    sink = BatchSink(store)
    sink.append(ratings(1203))
    sink.flush()
    dataset = load_dataset(store)
    now = datetime(2026, 11, 28, 14, 32, tzinfo=UTC)
    assert run_name("linear", "", dataset, now) == "11-28 14:32 linear +1,203 ratings"
    assert run_name("lightfm", "warm", dataset, now) == "11-28 14:32 lightfm warm +1,203 ratings"

    counts = {"ratings": 1203.0, "ratings_held_out": 203.0, "users": 1203.0, "shows": 120.0}
    measures = ("precision", "recall", "ndcg", "coverage")
    own = {f"{name}_at_5": 0.25 for name in measures}
    popular = {f"popularity_{name}": 0.125 for name in own}
    data = dataset.interactions
    incumbents = Incumbents(Split(data, data.user_rows > 0))
    verdict = Verdict(Outcome.KEEP, "worse by 0.1")
    text = note(
        "0123456789",
        dataset,
        incumbents,
        verdict,
        decision="kept",
        metrics={**counts, **own, **popular},
        k=5,
    )
    first, *_ = text.splitlines()
    assert first == "**kept**: worse by 0.1"
    assert "| **this model** | 0.2500 | 0.2500 | 0.2500 | 0.2500 |" in text
    assert "| what is popular now | 0.1250 | 0.1250 | 0.1250 | 0.1250 |" in text
    assert "| production |" not in text
    assert "Trained on 1,000 of 1,203 ratings" in text
    assert "compared with popularity alone" in text
    assert "`tvrec promote --run 01234567`" in text


def test_what_was_used_grows() -> None:
    before = spent()
    sum(number * number for number in range(200_000))
    after = spent()
    assert after["cpu_seconds"] > before["cpu_seconds"]
    assert after["peak_memory_mb"] >= before["peak_memory_mb"] > 10
