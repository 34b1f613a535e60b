"""MLflow's server takes the place of what starts it."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT, answers, environment, free_port, wait_until

pytestmark = pytest.mark.e2e


def test_one_process_serves_and_ends_when_told(tmp_path: Path) -> None:
    port = free_port()
    options = ["--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--workers", "1"]
    options += ["--port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "mlproject.registry.server_alone", "server", *options],
        cwd=ROOT,
        env=environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"),
    ) as process:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), 60, "MLflow")
            assert not psutil.Process(process.pid).children()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in {0, -signal.SIGTERM}
