"""The service under load."""

import json

from mlproject.config import Settings
from tests.cluster.world import Cluster

POLL_SECONDS = Settings().poll_seconds
# What three replicas on two processors that others use too are given to load a version.
LOADING_SECONDS = 10.0


def failures(ends: dict[str, int]) -> dict[str, int]:
    return {end: count for end, count in ends.items() if not end.startswith("200 ")}


def test_three_replicas_are_replaced_and_no_request_fails(release: Cluster) -> None:
    release.install("--set", "recommendationsService.replicas=3")
    with release.hammered(seconds=120) as ends:
        release.kubectl("rollout", "restart", "deployment/tvrec-recommendations-service")
        release.kubectl(
            *("rollout", "status", "deployment/tvrec-recommendations-service"),
            *("--timeout", "300s"),
        )
    assert sum(ends.values()) > 300
    assert failures(ends) == {}


def test_every_replica_serves_a_new_version(release: Cluster) -> None:
    """The check of the release asks until no answer is of an older one."""
    release.install("--set", "recommendationsService.replicas=3")
    assert "passed" in release.test()


def test_every_replica_serves_what_a_person_promotes_within_the_poll_interval(
    release: Cluster,
) -> None:
    release.install("--set", "recommendationsService.replicas=3")

    def tvrec(*words: str) -> str:
        return release.kubectl("exec", "deployment/tvrec-model-builder", "--", "tvrec", *words)

    runs = json.loads(tvrec("runs", "--json"))
    run = next(run for run in runs if run["status"] == "FINISHED" and not run["aliases"])
    try:
        promoted = json.loads(tvrec("promote", "--run", run["run_id"], "--json"))["version"]
        served = release.versions_served(promoted, POLL_SECONDS + LOADING_SECONDS)
        assert served == [promoted] * 3
    finally:
        tvrec("release")


def test_the_builder_is_told_its_own_processors(release: Cluster) -> None:
    """As many as its limit, not as the node has."""
    release.install("--set", "modelBuilder.resources.limits.cpu=1")
    code = "from mlproject.core.cpus import usable_cpus; print(usable_cpus())"
    pod = "deployment/tvrec-model-builder"
    assert release.kubectl("exec", pod, "--", "python", "-c", code).strip() == "1"
