"""The dashboard asks for what there is, and can be laid out."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlproject.monitoring.reference import names
from tests import kubernetes as k
from tests.servers import ROOT

FILE = ROOT / "k8s" / "chart" / "files" / "dashboard.json"
DASHBOARD = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
ROWS = [panel for panel in PANELS if panel["type"] == "row"]
ASKING = [panel for panel in PANELS if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in ASKING for target in panel["targets"]]
COLUMNS = 24
OF_THE_AGENT = {
    rule["name"] for rule in yaml.safe_load((ROOT / "stack" / "jmx.yaml").read_text())["rules"]
}


def test_four_rows_ask_the_four_questions() -> None:
    assert [row["title"] for row in ROWS] == [
        "Is data flowing?",
        "Is the model fresh?",
        "Is it good?",
        "Is it served fast?",
    ]


@pytest.mark.parametrize("panel", ASKING, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_that_there_are(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        asked = set(re.findall(r"\b(?:tvrec|kafka)_\w+", target["expr"]))
        assert asked
        assert asked <= names() | OF_THE_AGENT


def test_prometheus_can_read_every_question(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    rules = [{"record": f"panel:{at}", "expr": expr} for at, expr in enumerate(EXPRESSIONS)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_lie_beside_each_other() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 <= place["x"] <= COLUMNS - place["w"]
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


def test_every_panel_asks_the_source_that_is_chosen() -> None:
    (chosen,) = DASHBOARD["templating"]["list"]
    source = {"type": "prometheus", "uid": f"${{{chosen['name']}}}"}
    asked = [target["datasource"] for panel in ASKING for target in panel["targets"]]
    assert asked == [source] * len(EXPRESSIONS)


def test_the_chart_provides_it_to_grafana() -> None:
    (found,) = [item for item in k.of_kind(k.manifests("everything"), "ConfigMap")
                if item["metadata"]["labels"].get("grafana_dashboard")]  # fmt: skip
    assert json.loads(found["data"]["tvrec.json"]) == DASHBOARD
