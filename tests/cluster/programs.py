"""Programs that run elsewhere than the tests: in the network of the node, or in a pod."""

# Arguments: address, seconds, pause. A request each PAUSE seconds, each on a connection of its own;
# prints how each ended.
HAMMER = """
import collections, json, sys, time, urllib.error, urllib.request
address, end, ends = sys.argv[1], time.monotonic() + float(sys.argv[2]), collections.Counter()
pause = float(sys.argv[3])
body = json.dumps({"user_id": 1, "num_items": 3}).encode()
while time.monotonic() < end:
    began = time.monotonic()
    request = urllib.request.Request(
        f"{address}/recommend", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            ends[f"{answer.status} of {json.load(answer)['model_version']}"] += 1
    except urllib.error.HTTPError as error:
        ends[str(error.code)] += 1
    except OSError as error:
        ends[repr(error)[:80]] += 1
    time.sleep(max(0, pause - (time.monotonic() - began)))
print(json.dumps(ends))
"""

# Arguments: address, seconds, user. Two ratings a second, of the shows 1, 2, …; prints the ids of
# those events that the service has acknowledged.
RATER = """
import json, sys, time, urllib.request
address, end, user = sys.argv[1], time.monotonic() + float(sys.argv[2]), int(sys.argv[3])
taken, show = [], 0
while time.monotonic() < end:
    show = show % 400 + 1
    body = json.dumps({"user_id": user, "show_id": show, "rating": 7}).encode()
    request = urllib.request.Request(f"{address}/rate", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            taken.append(json.load(answer)["event_id"])
    except OSError:
        pass
    time.sleep(0.5)
print(json.dumps(taken))
"""

# Argument: user. Prints the ids of its events in the batches, as often as they are there, and
# how often each offset of each partition is.
READER = """
import collections, gzip, json, sys
from mlproject import config
from mlproject.batches.keys import BATCHES, BatchKey
from mlproject.bootstrap import opened_store
user, ids, places = int(sys.argv[1]), [], collections.defaultdict(collections.Counter)
with opened_store(config.load()) as store:
    for found in store.list(BATCHES):
        partition = BatchKey.parse(found.key).partition
        for line in gzip.decompress(store.get(found.key)).splitlines():
            record = json.loads(line)
            places[partition][record["offset"]] += 1
            if record["value"]["user_id"] == user:
                ids.append(record["value"]["event_id"])
print(json.dumps({"ids": ids, "places": places}))
"""

# Arguments: version, seconds, addresses. Prints the version that each address tells, as soon as all
# have that one, or at the end of the time.
LOOKER = """
import json, sys, time, urllib.request
version, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
def told(address):
    with urllib.request.urlopen(f"{address}/model", timeout=10) as answer:
        return json.load(answer)["version"]
while True:
    late = time.monotonic() > end
    versions = [told(address) for address in sys.argv[3:]]
    if late or set(versions) == {version}:
        break
    time.sleep(0.2)
print(json.dumps(versions))
"""

# Prints what the snapshot has, and the runs of trainings on Spark.
TRAINED = """
import json
from mlflow import MlflowClient
from mlproject import config
from mlproject.bootstrap import opened_store
from mlproject.snapshot.switch import read_manifest
with opened_store(config.load()) as store:
    manifest = read_manifest(store).manifest
client = MlflowClient()
runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
print(json.dumps({
    "ratings": manifest and sum(one.rows for one in (*manifest.base, *manifest.deltas)),
    "runs": [
        [one.info.status, one.data.params, one.data.metrics, one.data.tags]
        for one in runs if "spark" in one.data.tags
    ],
}))
"""
