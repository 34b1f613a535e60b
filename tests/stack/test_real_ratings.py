"""Real ratings through Kafka, Connect and MinIO give what they give without."""

import json
import time
from typing import Any

import pytest

from tests.servers import ROOT
from tests.stack.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, func_only=True)]

FOLDER = ROOT.parent / "shared" / "data" / "anime"
CATALOGUE, RATINGS = FOLDER / "anime.csv.gz", FOLDER / "rating.csv.gz"
# One thread, for the same arithmetic; small, for the time.
TRAINING = {"TVREC_THREADS": "1", "TVREC_EPOCHS": "2", "TVREC_DIMENSIONS": "16"}


def replayed(world: World) -> dict[str, Any]:
    """Replay the file as fast as possible and train; return what came of it."""
    began = time.monotonic()
    world.good("export-shows", "--catalogue", str(CATALOGUE))
    words = ("generate-ratings", "--once", "--replay", str(RATINGS))
    world.good(*words, TVREC_REPLAY_BACKLOG="1")
    sent = time.monotonic()
    if "KAFKA_BOOTSTRAP_SERVERS" in world.settings:
        world.wait_until_written(180)
    kept = time.monotonic()
    told: dict[str, Any] = json.loads(world.good("train", "--json", **TRAINING).stdout)
    print(
        f"sent in {sent - began:.1f} s, in batches {kept - sent:.1f} s later, "
        f"trained in {time.monotonic() - kept:.1f} s"
    )
    return {"digest": world.status()["digest"], "metrics": told["metrics"]}


@pytest.mark.skipif(not RATINGS.exists(), reason=f"the anime set is not at {FOLDER}")
def test_the_servers_and_the_embedded_run_agree(world: World) -> None:
    through = replayed(world)
    embedded = World.of(world.stack, "embedded", world.folder / "embedded")
    outside = ("KAFKA_", "SCHEMA_", "S3_", "AWS_", "TVREC_BUCKET", "TVREC_CONNECT_")
    for name in [name for name in embedded.settings if name.startswith(outside)]:
        del embedded.settings[name]
    alone = replayed(embedded)

    assert through["digest"] == alone["digest"]
    ours, theirs = through["metrics"], alone["metrics"]
    assert ours["ratings"] == theirs["ratings"] > 300_000
    for metric in ("precision_at_10", "popularity_precision_at_10"):
        assert ours[metric] == pytest.approx(theirs[metric], abs=1e-9, rel=0)
    print(f"precision@10 {ours['precision_at_10']:.6f} over {ours['ratings']:,.0f} ratings")
