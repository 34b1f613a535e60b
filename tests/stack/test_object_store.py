"""MLflow's artifacts are MinIO's, and only MLflow and the commands have its keys."""

import subprocess
import sys
from pathlib import Path

import pytest

from stack.servers import ARTIFACTS_BUCKET, Stack
from tests.servers import environment
from tests.stack.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]

WRONG = "wrong-secret-4711"
# Of who uses MLflow and has neither our package nor S3's keys.
CLIENT = """
import sys
import mlflow
import pandas as pd
model = mlflow.pyfunc.load_model(f"models:/{sys.argv[1]}@production")
answers = model.predict(pd.DataFrame({"history": [[]]}), params={"num_items": 3})
print(len(answers))
"""


@pytest.fixture
def nameless(stack: Stack, tmp_path: Path) -> World:
    """Commands that know MLflow and nothing else of the servers."""
    world = World.of(stack, "nameless", tmp_path)
    world.settings = {
        name: value
        for name, value in world.settings.items()
        if name.startswith("MLFLOW_")
        or name in {"TVREC_STATE_DIR", "TVREC_REGISTERED_MODEL", "TVREC_THREADS"}
    }
    return world


def test_a_client_without_s3_keys_logs_and_loads_a_model(stack: Stack, nameless: World) -> None:
    assert not [name for name in nameless.settings if name.startswith(("AWS_", "S3_"))]
    nameless.good("export-shows")
    nameless.good("generate-ratings", "--once", "--users", "100", "--ratings", "5000")
    nameless.good("train", "--epochs", "3", "--dimensions", "8")

    pages = World.of(stack, "nameless", nameless.folder).s3.get_paginator("list_objects_v2")
    kept = [
        entry["Key"]
        for page in pages.paginate(Bucket=ARTIFACTS_BUCKET)
        for entry in page.get("Contents", [])
    ]
    assert any(key.endswith("/MLmodel") for key in kept), kept

    loaded = subprocess.run(
        [sys.executable, "-c", CLIENT, nameless.settings["TVREC_REGISTERED_MODEL"]],
        cwd=nameless.folder,
        env=environment(MLFLOW_TRACKING_URI=nameless.settings["MLFLOW_TRACKING_URI"]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) > 0


@pytest.mark.parametrize("command", ["export-shows", "train"])
@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_wrong_keys_are_one_line_without_a_secret(
    stack: Stack, tmp_path: Path, command: str, variable: str
) -> None:
    world = World.of(stack, "wrong-keys", tmp_path)
    world.settings["TVREC_BUCKET"] = stack.environment["TVREC_BUCKET"]
    done = world.run(command, **{variable: WRONG})
    assert done.returncode == 5, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(("Error: cannot read s3://", "Error: cannot list s3://")), line
    secrets = {WRONG, world.settings["AWS_SECRET_ACCESS_KEY"], world.settings["AWS_ACCESS_KEY_ID"]}
    assert not [secret for secret in secrets if secret in done.stdout + done.stderr], line
    print(line)
