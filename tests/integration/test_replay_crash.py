"""A replay that is killed with -9, again and again, while its file grows."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from mlproject.core import columns as c
from mlproject.objects.local import LocalStore
from tests.builders import written
from tests.servers import BIN, environment, wait_until

ROWS = 1500
# Each row a show of its own for one of forty users, rated twice by the end.
LINES = [f"{row % 40},{row},{row % 10 + 1}" for row in range(ROWS)]


def write(path: Path, end: int, *, dated: bool) -> None:
    """Write the first rows; by time they are in another order than in the file."""
    stamps = [f",{1_600_000_000 + row * 7919 % ROWS}" if dated else "" for row in range(ROWS)]
    header = "user_id,show_id,rating" + (",timestamp" if dated else "")
    lines = [line + stamp for line, stamp in zip(LINES, stamps, strict=True)]
    path.write_text("\n".join([header, *lines[:end], ""]))


@pytest.mark.parametrize("dated", [True, False], ids=["with times", "without times"])
def test_nothing_is_lost_and_nothing_twice(tmp_path: Path, *, dated: bool) -> None:
    file, rng = tmp_path / "ratings.csv", random.Random(1)
    store = LocalStore(tmp_path / "state" / "store")
    env = environment(
        TVREC_STATE_DIR=str(tmp_path / "state"),
        TVREC_REPLAY_BACKLOG="0",
        TVREC_BATCH_RECORDS="20",
        TVREC_BATCH_SECONDS="0.1",
        PATH=os.environ["PATH"],
    )
    words = [BIN / "tvrec", "generate-ratings", "--replay", file]

    def sent() -> int:
        return len(written(store))

    for end in (600, 1000, ROWS):
        write(file, end, dated=dated)
        before = sent()
        with subprocess.Popen([*words, "--rate", "100"], env=env, stderr=subprocess.DEVNULL) as run:
            wanted = before + rng.randrange(60, 200)
            try:
                wait_until(lambda enough=wanted: sent() >= enough, 60, "some ratings")
            finally:
                run.send_signal(signal.SIGKILL)
        assert before < sent() <= end
    done = subprocess.run(
        [*words, "--once"],
        env=env | {"TVREC_REPLAY_BACKLOG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    frame = written(store).frame
    assert sorted(frame[c.SHOW_ID]) == list(range(ROWS))
    assert frame[c.EVENT_ID].is_unique
