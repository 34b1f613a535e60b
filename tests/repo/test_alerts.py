"""The alerts fire when they should, and each has a page that says what to do."""

import re
import shutil
import subprocess

import pytest
import yaml

from mlproject.monitoring.reference import names
from tests.servers import ROOT

RULES = ROOT / "k8s" / "chart" / "files" / "alerts.yaml"
TESTS = ROOT / "tests" / "repo" / "alerts.yaml"
ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}
AGENT = ROOT / "stack" / "jmx.yaml"
THEIRS = re.compile(r"\bkafka_\w+")
OURS = re.compile(r"\btvrec_\w+")


def test_each_alert_fires_and_keeps_quiet_as_its_test_says() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    done = subprocess.run(
        [promtool, "test", "rules", TESTS.name],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tested_to_fire_and_to_keep_quiet() -> None:
    checked = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    for alert in ALERTS:
        assert {fires for name, fires in checked if name == alert} == {True, False}, alert


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_asks_for_metrics_that_there_are(alert: str) -> None:
    asked = set(OURS.findall(ALERTS[alert]["expr"]))
    assert asked
    assert asked <= names()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_asks_for_what_the_agent_tells_of_kafka(alert: str) -> None:
    told = [
        re.sub(r"\$\d", r"\\w+", rule["name"])
        for rule in yaml.safe_load(AGENT.read_text())["rules"]
    ]
    for asked in THEIRS.findall(ALERTS[alert]["expr"]):
        assert any(re.fullmatch(name, asked) for name in told), asked


def test_the_operations_page_has_a_section_for_each_alert() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert re.findall(r"^### (Tvrec\w+)$", page, re.MULTILINE) == list(ALERTS)
