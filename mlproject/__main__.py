"""``tvrec`` and ``python -m mlproject``."""

import atexit
import gc

from mlproject import config
from mlproject.cli import tvrec
from mlproject.core.cpus import usable_cpus


def main() -> None:
    """Run the command line."""
    # No command has loaded NumPy yet, whose BLAS would start a thread for each processor of the
    # node, whatever the container's limit is.
    threads = str(usable_cpus())
    config.set_defaults({"OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads})
    # What is alive at the end is not searched for cycles once more: a tenth of a short command.
    atexit.register(gc.freeze)
    tvrec(prog_name="tvrec")


if __name__ == "__main__":
    main()
