"""The table of all metrics."""

from pathlib import Path

from mlproject.monitoring.reference import metrics_table, names

DOCUMENT = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()


def test_the_document_has_the_table() -> None:
    assert metrics_table() in DOCUMENT, f"put this into docs/metrics.md:\n{metrics_table()}"


def test_a_name_is_one_by_which_a_query_can_ask() -> None:
    found = names()
    assert {
        "tvrec_cycles_total",
        "tvrec_cycle_stage_seconds_bucket",
        "tvrec_production_version",
    } <= found
    assert "tvrec_cycles" not in found
    assert not any(name.endswith("_created") for name in found)


def test_every_metric_is_ours_and_described() -> None:
    rows = metrics_table().splitlines()[2:]
    assert all(row.startswith("| `tvrec_") and not row.endswith("|  |") for row in rows)
