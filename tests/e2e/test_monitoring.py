"""A real Prometheus asks a real `make run`: the dashboard has answers, and an alert fires."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.make_run import up, wait_for_answer
from tests.servers import ROOT, answers, free_port, wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        shutil.which("prometheus") is None,
        reason="Prometheus is not installed (Debian: apt install prometheus)",
    ),
]

CONFIG = ROOT / "docs" / "prometheus.yml"
FILES = ROOT / "k8s" / "chart" / "files"
PANELS = json.loads((FILES / "dashboard.json").read_text())["panels"]
QUESTIONS = {
    f"{panel['title']}: {target['legendFormat']}": target["expr"]
    for panel in PANELS
    for target in panel.get("targets", ())
    if "kafka_" not in target["expr"]  # of which there is none here: tests/stack/test_metrics.py
}


@dataclass
class Prometheus:
    """A Prometheus under test."""

    url: str

    def ask(self, expression: str) -> list[Any]:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
        return found

    def states(self, alert: str) -> set[str]:
        with urllib.request.urlopen(f"{self.url}/api/v1/alerts", timeout=5) as answer:
            found = json.load(answer)["data"]["alerts"]
        return {one["state"] for one in found if one["labels"]["alertname"] == alert}


@contextmanager
def asking(folder: Path, ports: list[int], waits: dict[str, str]) -> Iterator[Prometheus]:
    """Start a Prometheus with our configuration, at these ports and with quicker looks.

    ``waits`` are the times for which an alert has to be pending, where they are not ours.
    """
    config = yaml.safe_load(CONFIG.read_text())
    config["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    (job,) = config["scrape_configs"]
    assert len(job["static_configs"]) == len(ports)
    for target, port in zip(job["static_configs"], ports, strict=True):
        target["targets"] = [f"127.0.0.1:{port}"]
    (named,) = config["rule_files"]
    rules = yaml.safe_load((CONFIG.parent / named).read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] in waits:
                rule["for"] = waits[rule["alert"]]
    config["rule_files"] = ["alerts.yaml"]
    (folder / "alerts.yaml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/-/ready"), 30, "Prometheus")
            yield Prometheus(url)
        finally:
            process.terminate()


def test_the_dashboard_has_answers_and_an_alert_fires(tmp_path: Path) -> None:
    first = free_port()
    with up(tmp_path / "var", TVREC_METRICS_PORT=str(first), TVREC_BUILD_INTERVAL="5") as running:
        wait_for_answer(running)
        service = int(running.service.rpartition(":")[2])
        ports = [service, first, first + 1, first + 2]
        with asking(tmp_path, ports, {"TvrecPartGone": "3s"}) as prometheus:
            left = dict(QUESTIONS)

            def all_have_answers() -> bool:
                running.recommend(b'{"user_id": 1}')
                for name, asked in QUESTIONS.items():
                    if name in left and prometheus.ask(asked):
                        del left[name]
                return not left

            with suppress(AssertionError):  # which could not name what is left
                wait_until(all_have_answers, 120, "answers")
            assert not left
            assert not prometheus.states("TvrecPartGone")
            builder = psutil.Process(running.pid("build"))
            builder.suspend()
            wait_until(lambda: prometheus.states("TvrecPartGone") == {"pending"}, 20, "pending")
            wait_until(lambda: prometheus.states("TvrecPartGone") == {"firing"}, 20, "firing")
            builder.resume()
            wait_until(lambda: not prometheus.states("TvrecPartGone"), 20, "the end of it")
