"""`make run` as a newcomer sees it: one command, an answer, and nothing left behind."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import BIN, ROOT, answers, environment, free_port, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@dataclass
class Running:
    """A `tvrec up` under test."""

    process: "subprocess.Popen[bytes]"
    service: str
    mlflow: str
    log: Path
    settings: dict[str, str]

    def recommend(self, body: bytes) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.service}/recommend", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def processes(self) -> list[int]:
        """The processes that work on this test's state folder, from what the kernel says."""
        mark = f"TVREC_STATE_DIR={self.settings['TVREC_STATE_DIR']}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found


@contextmanager
def up(state: Path, **more: str) -> Iterator[Running]:
    service, mlflow = free_port(), free_port()
    settings = {
        "TVREC_STATE_DIR": str(state),
        "TVREC_SERVICE_PORT": str(service),
        "TVREC_MLFLOW_PORT": str(mlflow),
        "TVREC_SEED_USERS": "200",
        "TVREC_SEED_RATINGS": "8000",
        "TVREC_DIMENSIONS": "16",
        "TVREC_EPOCHS": "5",
        "TVREC_BUILD_INTERVAL": "15",
        "TVREC_POLL_SECONDS": "1",
        "TVREC_BATCH_SECONDS": "2",
        **more,
    }
    log = state.parent / f"{state.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [BIN / "tvrec", "up"],
            cwd=ROOT,
            env=environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(
        process, f"http://127.0.0.1:{service}", f"http://127.0.0.1:{mlflow}", log, settings
    )
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        for left in running.processes():
            os.kill(left, signal.SIGKILL)


def wait_for_answer(running: Running) -> None:
    def ready() -> bool:
        assert running.process.poll() is None, running.text()
        return answers(f"{running.service}/readyz")

    wait_until(ready, 240, "the service's /readyz")


def stop(running: Running, number: signal.Signals = signal.SIGINT) -> float:
    """End it as Ctrl-C does; return the seconds that took."""
    started = time.monotonic()
    running.process.send_signal(number)
    running.process.wait(timeout=30)
    return time.monotonic() - started


def says(running: Running, text: str) -> Callable[[], bool]:
    return lambda: text in running.text()


def test_from_nothing_to_an_answer_and_back(tmp_path: Path) -> None:
    state = tmp_path / "var"
    with up(state) as running:
        wait_for_answer(running)
        status, known = running.recommend(b'{"user_id": 1, "num_items": 10}')
        assert status == 200
        assert known["source"] == "personalized"
        assert len(known["items"]) == 10
        assert {"show_id", "title", "genres", "score"} <= set(known["items"][0])
        _, unknown = running.recommend(b'{"user_id": 123456789}')
        assert unknown["source"] == "popular"
        assert running.recommend(b'{"user_id": 1, "num_items": 0}')[0] == 400
        wait_until(says(running, "try: curl"), 30, "the guide's line")
        for line in (
            "MLflow is at",
            "compare the runs:",
            "see what it recommends:",
            "try: curl",
        ):
            assert running.text().count(line) == 1

        # A part of it dies: the service goes on with the model it has.
        (mlflow,) = [
            pid for pid in running.processes()
            if b"uvicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
            and b"mlflow.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]  # fmt: skip
        os.kill(mlflow, signal.SIGSTOP)
        assert running.recommend(b'{"user_id": 1}')[0] == 200
        os.kill(mlflow, signal.SIGCONT)

        # A second one on the same state is refused, by name.
        second = subprocess.run(
            [BIN / "tvrec", "up"],
            cwd=ROOT,
            env=environment(**running.settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 7
        assert "another `make run`" in second.stderr
        assert str(running.process.pid) in second.stderr

        assert stop(running) < 10
        assert running.process.returncode == 0
        assert running.processes() == []
        assert "Traceback" not in running.text()
    assert not [path for path in state.rglob("*") if ".unfinished" in path.name]

    # The second start serves at once from what is kept, and loses no rating.
    before = running.text().count("sent the backlog")
    with up(state) as again:
        wait_for_answer(again)
        assert again.recommend(b'{"user_id": 1}')[1]["model_version"] >= 1
        assert again.text().count("sent the backlog") == before == 1
        assert stop(again, signal.SIGHUP) < 10
        assert again.processes() == []


def test_a_part_that_dies_ends_the_rest_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with up(tmp_path / "var") as running:
        wait_for_answer(running)
        (builder,) = [
            pid
            for pid in running.processes()
            if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"tvrec\0build\0")
        ]
        os.kill(builder, signal.SIGKILL)
        assert running.process.wait(timeout=30) == 1
        assert "builder stopped (rc=-9)" in running.text()
        assert "one part ended by itself" in running.text()
        assert running.processes() == []


def test_a_taken_port_is_named(tmp_path: Path, mlflow_server: str) -> None:
    taken = mlflow_server.rsplit(":", 1)[1]
    with up(tmp_path / "var", TVREC_MLFLOW_PORT=taken) as running:
        assert running.process.wait(timeout=60) == 7
        assert f"port {taken}" in running.text()
        assert f"TVREC_MLFLOW_PORT={int(taken) + 1}" in running.text()


@pytest.mark.skipif(
    not (ROOT.parent / "shared/data/anime").exists(), reason="the anime ratings are not here"
)
def test_the_real_anime_files_go_the_whole_way(tmp_path: Path) -> None:
    data = ROOT.parent / "shared/data/anime"
    files = {
        "TVREC_RATINGS_FILE": str(data / "rating.csv.gz"),
        "TVREC_CATALOGUE_FILE": str(data / "anime.csv.gz"),
    }
    with up(tmp_path / "var", TVREC_BUILD_INTERVAL="600", **files) as running:
        wait_for_answer(running)
        _, known = running.recommend(b'{"user_id": 1}')
        assert known["source"] == "personalized"
        assert len(known["items"]) == 10
        wait_until(says(running, "first to beat popularity"), 60, "the guide's line")
        assert stop(running) < 10
        assert running.processes() == []
