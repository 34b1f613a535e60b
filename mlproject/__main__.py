"""``tvrec`` and ``python -m mlproject``."""

from mlproject import config
from mlproject.cli import tvrec
from mlproject.core.cpus import usable_cpus


def main() -> None:
    """Run the command line."""
    # No command has loaded NumPy yet, whose BLAS would start a thread for each processor of the
    # node, whatever the container's limit is.
    threads = str(usable_cpus())
    config.set_defaults({"OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads})
    tvrec(prog_name="tvrec")


if __name__ == "__main__":
    main()
