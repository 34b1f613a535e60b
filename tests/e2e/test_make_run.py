"""`make run` as a newcomer sees it: one command, an answer, and nothing left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.make_run import Running, up, wait_for_answer
from tests.servers import BIN, ROOT, environment, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


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
        for line in (
            "MLflow is at",
            "compare the runs:",
            "see what it recommends:",
            "try: curl",
        ):
            wait_until(says(running, line), 30, line)
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
        os.kill(running.pid("build"), signal.SIGKILL)
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
