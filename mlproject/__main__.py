"""``tvrec`` and ``python -m mlproject``."""

import atexit
import gc


def main() -> None:
    """Run the command line."""
    # What is imported is no garbage, and to look for some takes a tenth of a short command; so does
    # a last look at the end.
    gc.disable()
    from mlproject import config  # noqa: PLC0415 - after that
    from mlproject.cli import tvrec  # noqa: PLC0415
    from mlproject.core.cpus import usable_cpus  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    atexit.register(gc.freeze)
    # No command has loaded NumPy yet, whose BLAS would start a thread for each processor of the
    # node, whatever the container's limit is.
    threads = str(usable_cpus())
    config.set_defaults({"OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads})
    tvrec(prog_name="tvrec")


if __name__ == "__main__":
    main()
