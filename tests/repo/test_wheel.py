"""The built wheel, in an empty environment."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from mlproject.objects.local import LocalStore
from tests.builders import put_catalogue, shows
from tests.servers import BIN, ROOT, environment

PAGE = ROOT / "mlproject" / "serving" / "page"
# The import of the service, and what it does first when it starts.
SERVICE = f"""
import runpy
from mlproject import config
from mlproject.bootstrap import App
runpy.run_path({str(ROOT / "bento" / "service.py")!r})
app = App(config.load())
app.registry
app.model_watcher()
"""
TASKS = {
    "data-exporter": ["tvrec", "export-shows"],
    "event-generator": ["tvrec", "generate-ratings", "--once"],
    "model-builder": ["python", "-c", "import mlproject.pipelines.train, mlproject.scheduling"],
    "recommendations-service": ["python", "-c", SERVICE],
    "mlflow-server": ["mlflow", "server", "--help"],
}
SPARED = {
    "data-exporter": "mlflow",
    "event-generator": "lightfm",
    "model-builder": "confluent_kafka",
    "recommendations-service": "pandas",
    "mlflow-server": "lightfm",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [BIN / "uv", "build", "-q", "--wheel", "--no-build-isolation", "-o", folder],
        cwd=ROOT,
        env=environment(VIRTUAL_ENV=str(BIN.parent)),
        check=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mlproject", "tvrec"}
    assert {"mlproject/MLproject", "mlproject/catalogue/data/shows.csv"} <= set(names)
    page = {f"mlproject/serving/page/{file.name}" for file in PAGE.iterdir()}
    assert "mlproject/serving/page/index.html" in page <= set(names)


def test_the_command_works_with_nothing_but_what_it_declares(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    uv, env = BIN / "uv", environment()
    subprocess.run([uv, "venv", "-q", "--python", BIN / "python", place], env=env, check=True)
    subprocess.run(
        [
            *(uv, "pip", "install", "-q", "--python", place / "bin/python", wheel),
            *("--constraint", ROOT / "requirements/event-generator.txt"),
        ],
        env=env,
        check=True,
        timeout=200,
    )
    for arguments in (["--help"], ["--version"], ["train", "--help"], ["generate-ratings", "-h"]):
        done = subprocess.run(
            [place / "bin/tvrec", *arguments],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("deployable", TASKS)
def test_each_deployable_has_what_it_needs_and_no_more(
    deployable: str, wheel: Path, tmp_path: Path
) -> None:
    place = tmp_path / "venv"
    env = environment(TVREC_STATE_DIR=str(tmp_path), TVREC_SEED_USERS="50", TVREC_SEED_RATINGS="99")
    install = [BIN / "uv", "pip", "install", "-q", "--python", place / "bin/python"]
    requirements = ROOT / f"requirements/{deployable}.txt"
    subprocess.run([BIN / "uv", "venv", "-q", "--python", BIN / "python", place], check=True)
    subprocess.run([*install, "--require-hashes", "-r", requirements], check=True, timeout=250)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    if deployable == "event-generator":
        # Simulated users rate what was exported.
        put_catalogue(LocalStore(tmp_path / "store"), shows(20))
    command, *arguments = TASKS[deployable]
    done = subprocess.run(
        [place / "bin" / command, *arguments],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    spared = [place / "bin/python", "-c", f"import {SPARED[deployable]}"]
    assert subprocess.run(spared, capture_output=True, check=False).returncode == 1
