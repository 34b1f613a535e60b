"""A session that cannot be had is told in a sentence."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from py4j.protocol import Py4JError

from mlproject import config
from mlproject.spark.errors import said_by


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Py4JError(
                "An error occurred while calling o19.fit.\n"
                ": org.apache.spark.SparkException: Job aborted\n\tat org.apache"
            ),
            "org.apache.spark.SparkException: Job aborted",
        ),
        (ConnectionRefusedError("refused"), "refused"),
        (Py4JError(""), ""),
    ],
)
def test_an_error_says_what_spark_says(error: Exception, said: str) -> None:
    assert said_by(error) == said


def test_a_command_that_is_to_end_does_not_wait_for_its_master(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(250)
        settings = {
            "TVREC_STATE_DIR": str(state_dir),
            "TVREC_SPARK_MASTER": f"spark://127.0.0.1:{silent.getsockname()[1]}",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "mlproject", "spark", "ingest"],
            env=config.child_environment(settings),
        ) as process:
            asked, _ = silent.accept()
            with asked:
                process.terminate()
                assert process.wait(30) == 130  # Spark itself asks for a minute


def test_a_master_that_does_not_answer_is_told(state_dir: Path, nobody: str) -> None:
    settings = {"TVREC_STATE_DIR": str(state_dir), "TVREC_SPARK_MASTER": f"spark://{nobody}"}
    done = subprocess.run(
        [sys.executable, "-m", "mlproject", "spark", "ingest"],
        env=config.child_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert f"its master is spark://{nobody}, see TVREC_SPARK_MASTER" in done.stderr
    assert "Traceback" not in done.stderr
