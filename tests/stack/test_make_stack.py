"""Everything as `make stack` starts it: the servers and our own four parts."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.install import missing_tools
from stack.layout import Layout, Ports
from tests.servers import ROOT, environment, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200, func_only=True)]

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach; whatever runs in it is stopped at the end."""
    if missing := missing_tools():
        pytest.skip(f"this machine lacks {'; '.join(missing)}")
    made = Path(tempfile.mkdtemp(prefix="tvrec-stack-", dir="/var/tmp"))
    made.chmod(0o755)
    # The wanted ones are those of whoever has a stack on this machine already.
    Layout(made).keep_ports(Ports().shifted(100 * random.randrange(1, 130)))
    try:
        yield made
    finally:
        command(made, "stop")
        shutil.rmtree(made)


def command(folder: Path, *words: str) -> Done:
    return subprocess.run(
        [sys.executable, "-m", "stack", "--folder", str(folder), *words],
        cwd=ROOT,
        env=environment(TVREC_EPOCHS="5", TVREC_SEED_RATINGS="20000", TVREC_BUILD_INTERVAL="20"),
        capture_output=True,
        text=True,
        check=False,
    )


def ports(folder: Path) -> dict[str, int]:
    told: dict[str, int] = json.loads((folder / "ports.json").read_text())
    return told


def test_it_starts_answers_and_starts_again_what_dies(folder: Path) -> None:
    started = command(folder, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    print(started.stdout)

    request = urllib.request.Request(
        f"http://127.0.0.1:{ports(folder)['service']}/recommend",
        json.dumps({"user_id": 1, "num_items": 10}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert len(json.load(answer)["items"]) == 10

    killed = {name: pid(folder, name) for name in ("minio", "kafka", "model-builder")}
    for process in killed.values():
        os.kill(process, signal.SIGKILL)
    wait_until(
        lambda: (
            all(pid(folder, name) not in {0, old} for name, old in killed.items())
            and command(folder, "status").returncode == 0
        ),
        120,
        "the return of what was killed",
    )
    again = command(folder, "start")
    assert again.returncode == 0, again.stdout + again.stderr

    stopped = command(folder, "stop")
    assert "stopped" in stopped.stdout
    assert "nothing runs" in command(folder, "stop").stdout
    assert command(folder, "status").returncode == 1


def pid(folder: Path, name: str) -> int:
    """The process of a server, 0 while there is none."""
    told = subprocess.run(
        [
            Path(sys.executable).parent / "supervisorctl",
            *("-c", folder / "config" / "supervisord.conf", "pid", name),
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return int(told) if told.isdigit() else 0
