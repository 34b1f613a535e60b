"""The chart comes up, and a rating goes its whole way."""

import json
import re

from tests.cluster.world import SERVICE, Cluster


def test_a_rating_changes_what_every_pod_of_the_service_answers(release: Cluster) -> None:
    assert "passed: the build's verdict was" in release.test()
    found = json.loads(release.kubectl("get", "pods,configmaps", "--output", "json"))["items"]
    names = [item["metadata"]["name"] for item in found]
    assert "tvrec-settings" in names
    assert "tvrec-test" not in names, "the test leaves nothing behind"


def test_nothing_was_started_twice_while_it_came_up(release: Cluster) -> None:
    """Each part waits for those it needs."""
    assert {pod: count for pod, count in release.restarts().items() if count} == {}


def test_the_service_begins_with_the_snapshot(release: Cluster) -> None:
    """And not with what Kafka still holds."""
    deployment = "deployment/tvrec-recommendations-service"
    release.kubectl("rollout", "restart", deployment)
    release.kubectl("rollout", "status", deployment, "--timeout", "300s")
    newest, *_ = release.pods(SERVICE)
    told = release.kubectl("logs", newest["metadata"]["name"])
    # A later snapshot may have come meanwhile.
    first, *_ = re.findall(r"histories of \d+ users from snapshot (\d+)", told)
    assert int(first) > 0
