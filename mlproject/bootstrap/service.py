"""What the REST service is made of, and its client."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mlproject.bootstrap.versions import VersionsPart
from mlproject.core.aliases import CHALLENGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlproject.serving.client import ServiceClient
    from mlproject.serving.metrics import ServiceMetrics
    from mlproject.serving.trial import Trial
    from mlproject.serving.watcher import ModelWatcher


class ServicePart(VersionsPart):
    """The adapters of the service, which follows versions."""

    @cached_property
    def service(self) -> ServiceClient:
        """The REST service, as its clients see it."""
        from mlproject.serving.client import ServiceClient

        token = self.settings.service_token
        return ServiceClient(self.settings.service_url, token.get_secret_value() if token else None)

    @cached_property
    def service_metrics(self) -> ServiceMetrics:
        """What the service counts.

        Not before BentoML has told prometheus_client where its workers share metrics, so not
        before the service starts.
        """
        from mlproject.serving.metrics import ServiceMetrics

        return ServiceMetrics()

    def model_watcher(self, on_swap: Callable[[int], object] = lambda _: None) -> ModelWatcher:
        """Return what keeps the service on the production version."""
        from mlproject.serving.watcher import ModelWatcher

        # MLflow takes seconds to import: the version of the last life answers meanwhile.
        cache = self.model_cache("service")
        return ModelWatcher(
            lambda: self.registry.production(),  # noqa: PLW0108 - not asked for before
            cache.load,
            cache.last,
            self.settings.poll_seconds,
            on_swap,
            lambda run_id: self.registry.find_run(run_id),  # noqa: PLW0108
            make=self.recommender,
        )

    @cached_property
    def trial(self) -> Trial | None:
        """What happens beside an answer, as the settings say; None = nothing."""
        from mlproject.serving.trial import Shares, Trial

        settings = self.settings
        shares = Shares(settings.interleave, settings.shadow, settings.expose)
        if shares == Shares():
            return None
        from mlproject.exposures.log import StoredExposureLog
        from mlproject.serving.shadow import Shadow
        from mlproject.serving.watcher import ModelWatcher

        challenger = ModelWatcher(
            lambda: self.registry.aliased(CHALLENGER),
            self.model_cache("challenger").load,
            lambda: None,
            settings.poll_seconds,
            alias=CHALLENGER,
            make=self.recommender,
        )
        exposures = StoredExposureLog(self.store, kept_days=settings.exposure_days)
        return Trial(shares, challenger, Shadow(self.service_metrics.shadowed), exposures)
