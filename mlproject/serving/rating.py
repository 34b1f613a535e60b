"""From a request to a durable event."""

import asyncio
import time
from typing import Final

from mlproject.core.errors import UnavailableError
from mlproject.core.events import EventSource, Place, RatingEvent, new_event_id
from mlproject.core.rating_log import RatingLog
from mlproject.serving.requests import RateRequest, UnrateRequest

# A log gives up after five; this is for a disk or a server that hangs.
ANSWER_SECONDS: Final = 7.0


def event_of(request: RateRequest | UnrateRequest) -> RatingEvent:
    """Return the event of a request, made now by this machine's clock."""
    now_ms = time.time_ns() // 1_000_000
    return RatingEvent(
        event_id=new_event_id(now_ms),
        user_id=request.user_id,
        show_id=request.show_id,
        rating=request.rating if isinstance(request, RateRequest) else None,
        rated_at_ms=now_ms,
        source=EventSource.SERVICE,
        retracted=isinstance(request, UnrateRequest),
    )


async def rate_now(
    log: RatingLog, event: RatingEvent, answer_seconds: float = ANSWER_SECONDS
) -> Place:
    """Append a rating to the log and wait until it is durable; return where it is.

    Raises
    ------
    UnavailableError
        If the rating was not taken, or if it is not known whether it was.
    """
    future = log.append(event)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), answer_seconds)
    except TimeoutError:
        raise UnavailableError(
            f"the rating is not acknowledged within {answer_seconds:g} s; "
            "it may still arrive, so send it again"
        ) from None
