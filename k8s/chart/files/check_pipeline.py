"""Send a rating, see that a build follows it and is served: what `helm test` runs.

Needs nothing but Python. Arguments: the addresses of the service and of MLflow, the names of the
experiment and of the registered model, seconds until it gives up, seconds between two looks.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

SERVICE, MLFLOW, EXPERIMENT, MODEL = sys.argv[1:5]
DEADLINE = time.monotonic() + float(sys.argv[5])
PAUSE_SECONDS = float(sys.argv[6]) if len(sys.argv) > 6 else 5.0
# Far from the users that are simulated.
USER = 2_000_000_000 + int(time.time()) % 1_000_000
# Each on a connection of its own, so that they reach every pod behind the Service.
ANSWERS_IN_A_ROW = 20


def ask(address: str, body: object = None) -> tuple[int | None, Any]:
    """Return status and content of an answer; None while nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except (OSError, ValueError) as error:
        return None, str(error)


def wait_for(what: str, attempt: Callable[[], tuple[bool, Any]]) -> Any:
    """Return the first true result of an attempt; give up at the deadline."""
    print(f"waiting for {what}", flush=True)
    last = None
    while time.monotonic() < DEADLINE:
        done, last = attempt()
        if done:
            return last
        time.sleep(PAUSE_SECONDS)
    sys.exit(f"FAILED: {what} did not come; last seen: {last}")


def recommend() -> tuple[bool, Any]:
    """Ask for shows."""
    status, answer = ask(f"{SERVICE}/recommend", {"user_id": USER, "num_items": 5})
    return status == 200 and len(answer["items"]) == 5, answer


def rate(show_id: int) -> tuple[bool, Any]:
    """Send a rating."""
    status, answer = ask(f"{SERVICE}/rate", {"user_id": USER, "show_id": show_id, "rating": 9})
    if status is not None and 400 <= status < 500:
        sys.exit(f"FAILED: the rating was refused with {status}: {answer}")
    return status is not None and status < 300, answer


def run_since(milliseconds: int) -> tuple[bool, Any]:
    """Look for a run that began after the rating and has ended well."""
    name = urllib.parse.quote(EXPERIMENT)
    status, answer = ask(f"{MLFLOW}/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")
    if status != 200:
        return False, answer
    query = {
        "experiment_ids": [answer["experiment"]["experiment_id"]],
        "filter": f"attributes.status = 'FINISHED' and attributes.start_time > {milliseconds}",
        "order_by": ["attributes.start_time ASC"],
        "max_results": 1,
    }
    status, answer = ask(f"{MLFLOW}/api/2.0/mlflow/runs/search", query)
    found = answer.get("runs") if status == 200 else None
    return (True, found[0]) if found else (False, answer)


def version_of(run_id: str) -> tuple[bool, Any]:
    """Look for the version that a run's model has become."""
    query = urllib.parse.urlencode({"filter": f"name = '{MODEL}' and run_id = '{run_id}'"})
    status, answer = ask(f"{MLFLOW}/api/2.0/mlflow/model-versions/search?{query}")
    found = answer.get("model_versions") if status == 200 else None
    return (True, int(found[0]["version"])) if found else (False, answer)


def served(version: int) -> tuple[bool, Any]:
    """Look whether whoever answers has a version, or a newer one."""
    for _ in range(ANSWERS_IN_A_ROW):
        good, answer = recommend()
        if not good or answer["model_version"] < version:
            return False, answer
    return True, answer


first = wait_for("recommendations (a model in production)", recommend)
show = first["items"][0]["show_id"]
sent = int(time.time() * 1000)
wait_for(f"the rating of show {show} by user {USER} to be taken", lambda: rate(show))
run = wait_for("a build after the rating", lambda: run_since(sent))
verdict = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}.get("verdict")
if verdict == "promote":
    run_id = run["info"]["run_id"]
    version = wait_for("the version that the build has earned", lambda: version_of(run_id))
elif verdict in {"keep", "hold"}:  # production stays
    version = first["model_version"]
else:
    sys.exit(f"FAILED: the run {run['info']['run_id']} has the verdict {verdict}")
last = wait_for(f"version {version} or newer in every answer", lambda: served(version))
print(
    f"passed: the build's verdict was {verdict}; "
    f"version {last['model_version']} answers {[item['title'] for item in last['items']]}"
)
