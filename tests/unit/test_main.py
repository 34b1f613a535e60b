"""What is settled before a command runs."""

import subprocess
import sys

import pytest

from mlproject.core.cpus import usable_cpus
from tests.servers import environment

PROGRAM = """
import os, sys
from mlproject.__main__ import main
assert "numpy" not in sys.modules
sys.argv = ["tvrec", "--version"]
try:
    main()
except SystemExit:
    print(os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.parametrize("given", ["", "7"])
def test_numpy_gets_as_many_threads_as_there_are_processors_for_us(given: str) -> None:
    settings = {"OPENBLAS_NUM_THREADS": given} if given else {}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            name: value
            for name, value in environment(**settings).items()
            if given or name != "OPENBLAS_NUM_THREADS"
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == (given or str(usable_cpus()))
