"""The state that the routes use, from the application's start to its end."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request

from mlproject.config import Settings
from mlproject.core.rating_log import RatingLog
from mlproject.core.spans import Span, unseen
from mlproject.core.user_histories import UserHistories
from mlproject.serving.problems import NoModelError
from mlproject.serving.recommender import Recommender
from mlproject.serving.trial import Trial

if TYPE_CHECKING:
    from mlproject.serving.metrics import ServiceMetrics
    from mlproject.tracing import Tracing


class Watched(Protocol):
    """What keeps the service on the production version."""

    @property
    def current(self) -> Recommender | None:
        """The version that answers now."""
        ...

    @property
    def failures(self) -> int:
        """How often a version in production could not be loaded."""
        ...


@dataclass(slots=True)
class Serving:
    """The parts of a running service.

    Parameters
    ----------
    watcher, log, histories, metrics, settings
        What answers come from, and what is counted.
    trial
        What happens beside an answer; None = nothing.
    tracing
        Makes spans; None = they are not wanted.
    is_draining
        Whether the process is about to end: connections are closed after their answer.
    """

    watcher: Watched
    log: RatingLog
    histories: UserHistories
    metrics: "ServiceMetrics"
    settings: Settings
    trial: Trial | None = None
    tracing: "Tracing | None" = None
    is_draining: bool = field(default=False)

    @property
    def span(self) -> Span:
        """Makes a span of a part of the work for a request, where spans are wanted."""
        return self.tracing.span if self.tracing else unseen

    @property
    def is_ready(self) -> bool:
        """Whether there is a model, and histories to ask it about."""
        return (
            not self.is_draining
            and self.watcher.current is not None
            and self.histories.status.is_loaded
        )

    @property
    def recommender(self) -> Recommender:
        """The version that answers; raise NoModelError if there is none yet."""
        current = self.watcher.current
        if current is None:
            raise NoModelError("no model is in production yet; try again in a minute")
        return current


def serving_of(request: Request) -> Serving:
    """Return what a request is answered with."""
    found: Serving = request.app.state.serving
    return found
