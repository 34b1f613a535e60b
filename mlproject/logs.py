"""What is logged, and where to."""

import logging
import sys

from mlproject.config import Settings


def set_up_logging(settings: Settings) -> None:
    """Log to standard error, one line per event."""
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    for chatty in ("botocore", "httpx", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # urllib3 warns of what is tried again, and is reported by us if that fails too;
    # apscheduler of a job that is left out since the last one still runs.
    for anxious in ("apscheduler", "urllib3"):
        logging.getLogger(anxious).setLevel(logging.ERROR)
