"""The table of all metrics."""

from mlproject.monitoring.reference import metrics_table, names


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
