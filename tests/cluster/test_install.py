"""The chart comes up, and a rating goes its whole way."""

import json
import re

from tests.cluster.world import Cluster


def test_a_rating_changes_what_every_pod_of_the_service_answers(release: Cluster) -> None:
    assert "passed: the build's verdict was" in release.test()


def test_nothing_was_started_twice_while_it_came_up(release: Cluster) -> None:
    """Each part waits for those it needs."""
    assert {pod: count for pod, count in release.restarts().items() if count} == {}


def test_the_service_begins_with_the_snapshot(release: Cluster) -> None:
    """And not with what Kafka still holds."""
    pod = "deployment/tvrec-recommendations-service"
    release.kubectl("rollout", "restart", pod)
    release.kubectl("rollout", "status", pod, "--timeout", "300s")
    told = release.kubectl("logs", pod)
    # A later snapshot may have come meanwhile.
    first, *_ = re.findall(r"histories of \d+ users from snapshot (\d+)", told)
    assert int(first) > 0


def test_the_test_has_left_nothing(release: Cluster) -> None:
    release.test()
    found = json.loads(release.kubectl("get", "pods,configmaps", "--output", "json"))["items"]
    names = [item["metadata"]["name"] for item in found]
    assert "tvrec-settings" in names
    assert "tvrec-test" not in names
