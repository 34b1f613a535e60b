"""``tvrec`` and ``python -m mlproject``."""

from mlproject.cli import tvrec


def main() -> None:
    """Run the command line."""
    tvrec(prog_name="tvrec")


if __name__ == "__main__":
    main()
