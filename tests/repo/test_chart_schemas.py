"""The rendered manifests against the schemas of Kubernetes, strictly, without a network."""

import copy
import functools
import re

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils

from tests import kubernetes as k

CHART = yaml.safe_load((k.CHART / "Chart.yaml").read_text())
# From the chart's kubeVersion to the newest that there is a schema of.
OLDEST = int(re.findall(r"1\.(\d+)", CHART["kubeVersion"])[0])
VERSIONS = [
    version
    for version in dict.fromkeys(utils.all_versions())
    if int(version.split(".")[1]) >= OLDEST
]
# Of the Prometheus operator; the test with a kube-apiserver has their schemas.
CUSTOM = {"PrometheusRule", "ServiceMonitor"}


@pytest.fixture(autouse=True)
def _schemas_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would read all definitions for each manifest."""
    monkeypatch.setattr(utils, "schema_contents", functools.cache(utils.schema_contents))


def distinct() -> list[k.Manifest]:
    """The manifests of all values files, each form once."""
    forms = {
        re.sub(r"\s+", " ", yaml.safe_dump(item)): item
        for values in k.VALUES
        for item in k.manifests(values)
        if item["kind"] not in CUSTOM | {"Secret"}
    }
    return list(forms.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_of_kubernetes_takes_every_manifest(version: str) -> None:
    items = distinct() if version in {VERSIONS[0], VERSIONS[-1]} else k.manifests("everything")
    for item in items:
        if item["kind"] not in CUSTOM:
            used = kubernetes_validate.validate(item, version, strict=True)
            assert version.startswith(used)


def test_a_field_that_does_not_exist_is_found() -> None:
    """The check itself can fail."""
    (good, *_) = k.of_kind(k.manifests("defaults"), "Deployment")
    bad = copy.deepcopy(good)
    bad["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(bad, VERSIONS[-1], strict=True)


def test_enough_versions_are_checked() -> None:
    assert len(VERSIONS) >= 8
