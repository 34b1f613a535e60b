"""The chart as Helm renders it, for the tests that read it."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import ROOT, environment

CHART = ROOT / "k8s" / "chart"
VERSIONS = dict(
    line.split("=", 1)
    for line in (ROOT / "k8s/tools/versions").read_text().splitlines()
    if "=" in line
)
RELEASE, NAMESPACE = "tvrec", "tvrec"
# Every values file, and the chart's own values.
VALUES = {"defaults": None, **{
    path.stem.removeprefix("values-"): path for path in sorted((ROOT / "k8s").glob("values-*.yaml"))
}}  # fmt: skip

Manifest = dict[str, Any]


def tool(name: str, version: str, target: str) -> Path:
    """A program that ``k8s/tools/build.sh`` has built; skips the test where it is not there."""
    path = ROOT / ".tools" / f"{name}-{VERSIONS[version]}"
    if not path.exists():
        pytest.skip(f"there is no .tools/{path.name}; `make {target}` builds it (needs Go)")
    return path


def helm(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Helm."""
    program = tool("helm", "HELM_VERSION", "chart-tools")
    return subprocess.run(
        [program, *arguments],
        env=environment(HELM_NO_PLUGINS="1", **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def values_arguments(name: str) -> list[str | Path]:
    """The arguments of Helm for a values file."""
    path = VALUES[name]
    return [] if path is None else ["--values", path]


@functools.cache
def rendered(name: str, *arguments: str) -> str:
    """The manifests of a values file, as text."""
    done = helm(
        *("template", RELEASE, CHART, "--namespace", NAMESPACE),
        *values_arguments(name),
        *arguments,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests(name: str, *arguments: str) -> list[Manifest]:
    """The manifests of a values file."""
    return [item for item in yaml.safe_load_all(rendered(name, *arguments)) if item]


def of_kind(items: list[Manifest], *kinds: str) -> list[Manifest]:
    """Those of some kinds."""
    return [item for item in items if item["kind"] in kinds]


def named(items: list[Manifest], kind: str, name: str) -> Manifest:
    """The one of a kind and a name."""
    (found,) = [item for item in of_kind(items, kind) if item["metadata"]["name"] == name]
    return found


def label(item: Manifest) -> str:
    """How a manifest is called in the message of a test."""
    return f"{item['kind']}/{item['metadata']['name']}"


def pods(items: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Each manifest that makes pods, and the pod: its metadata and spec."""
    for item in items:
        if item["kind"] == "Pod":
            yield item, item
        elif item["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield item, item["spec"]["template"]
        elif item["kind"] == "CronJob":
            yield item, item["spec"]["jobTemplate"]["spec"]["template"]


def containers(items: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Each container with its name and the manifest that it is of."""
    for item, pod in pods(items):
        for kind in ("initContainers", "containers"):
            for container in pod["spec"].get(kind, []):
                yield f"{label(item)}: {container['name']}", container, item


def component(labels: dict[str, str]) -> str:
    """The part that labels or a selector name."""
    return labels["app.kubernetes.io/component"]


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether a selector takes something with these labels."""
    return selector.items() <= labels.items()


def json_schema() -> Any:
    """What the values must look like."""
    return json.loads((CHART / "values.schema.json").read_text())


def on_path(name: str) -> str:
    """A program of this machine; skips the test where it is not there."""
    found = shutil.which(name, path=os.environ["PATH"])
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
