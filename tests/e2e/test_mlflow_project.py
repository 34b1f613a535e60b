"""`mlflow run mlproject` from a copy, on a file system that breaks `mlflow run .` too."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import BIN, ROOT, environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def run(*command: str, cwd: Path, **settings: str) -> str:
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=["disk", "tmpfs"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """What a clone would hold: the files that git knows."""
    folder = tmp_path
    if request.param == "tmpfs":
        folder = Path("/dev/shm") / f"tvrec-{uuid.uuid4().hex[:8]}"
        if not folder.parent.is_dir():
            pytest.skip("there is no tmpfs at /dev/shm")
        folder.mkdir()
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, files):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    yield folder
    if request.param == "tmpfs":
        shutil.rmtree(folder)


def test_train_and_promote(checkout: Path, mlflow_server: str) -> None:
    name = f"project-{uuid.uuid4().hex[:8]}"
    settings = {
        "MLFLOW_TRACKING_URI": mlflow_server,
        "MLFLOW_EXPERIMENT_NAME": name,
        "TVREC_REGISTERED_MODEL": name,
        "TVREC_SEED_USERS": "300",
        "TVREC_SEED_RATINGS": "15000",
    }
    assert (checkout / "MLproject").is_symlink()
    run("tvrec", "export-shows", cwd=checkout, **settings)
    run("tvrec", "generate-ratings", "--once", cwd=checkout, **settings)
    project = ("mlflow", "run", "mlproject", "--env-manager", "local", "-e")
    run(*project, "train", "-P", "epochs=6", "-P", "dimensions=16", cwd=checkout, **settings)
    run(*project, "promote", cwd=checkout, **settings)

    runs = json.loads(run("tvrec", "runs", "--json", cwd=checkout, **settings))
    (trained,) = [each for each in runs if each["metrics"]]
    assert {each["status"] for each in runs} == {"FINISHED"}, "none is left open"
    assert "lightfm" in trained["name"]
    assert "promote version 1" in {each["name"] for each in runs}
    assert trained["params"]["epochs"] == "6"
    assert trained["status"] == "FINISHED"
    assert "production" in trained["aliases"]
    answer = json.loads(
        run("tvrec", "recommend", "--user", "1", "--json", cwd=checkout, **settings)
    )
    assert len(answer["items"]) == 10
