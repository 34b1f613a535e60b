"""Where shows and ratings come from, and where ratings go."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlproject import config
from mlproject.bootstrap.kafka import KafkaPart
from mlproject.core.errors import ConfigError
from mlproject.core.topics import TOPIC

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    import pandas as pd

    from mlproject.core.ports import CatalogueSource, RatingSink
    from mlproject.core.rating_log import RatingLog
    from mlproject.core.user_histories import UserHistories
    from mlproject.events.replay import ReplaySource
    from mlproject.events.simulator import Simulator
    from mlproject.histories.copies import Copies
    from mlproject.histories.stream import RatingStream
    from mlproject.reading.ratings import Told


class RatingsPart(KafkaPart):
    """The adapters of shows and ratings; of Kafka, where it is named."""

    @cached_property
    def catalogue_source(self) -> CatalogueSource:
        """The catalogue file if one is named, else TVMaze or the bundled catalogue."""
        settings = self.settings
        if settings.catalogue_file is None and settings.catalogue_source == "tvmaze":
            from mlproject.catalogue.tvmaze import TvMazeCatalogue
            from mlproject.catalogue.tvmaze_client import TvMazeClient
            from mlproject.http_client import connections

            http = self._open.enter_context(connections(settings.tvmaze_url))
            client = TvMazeClient(settings.tvmaze_url, http=http)
            return TvMazeCatalogue(
                client, self.store, self.clock, on_rejected=self._quarantine("catalogue")
            )
        from mlproject.catalogue.files import FileCatalogue, bundled

        file = settings.catalogue_file
        set_aside = self._quarantine("catalogue")
        return FileCatalogue(file, set_aside, settings.max_rejected) if file else bundled()

    @cached_property
    def rating_source(self) -> ReplaySource | Simulator:
        """The replay of the ratings file if one is named, else the simulator.

        The simulator reads the exported catalogue when it is made: its users rate what is there.

        Raises
        ------
        ConfigError, RatingsFileError
            If the scale is none, or the file cannot be used.
        CatalogueError
            If nothing has been exported yet.
        """
        settings = self.settings
        if settings.ratings_file:
            from mlproject.batches.keys import FILES
            from mlproject.events.replay import ReplaySource

            return ReplaySource.open(
                settings.ratings_file,
                backlog_share=settings.replay_backlog,
                seed=settings.seed,
                told=self.told,
                on_rejected=self._quarantine(f"{FILES}{settings.ratings_file.name}"),
            )
        from mlproject.catalogue.stored import read_catalogue
        from mlproject.events.simulator import Simulator

        return Simulator(
            read_catalogue(self.store),
            users=settings.seed_users,
            ratings=settings.seed_ratings,
            seed=settings.seed,
            now=self.clock.now,
        )

    @property
    def told(self) -> Told:
        """What the settings say of the ratings file.

        Raises
        ------
        ConfigError
            If the scale is none.
        """
        from mlproject.reading.ratings import Told
        from mlproject.reading.scales import Scale

        settings = self.settings
        try:
            scale = Scale.parse(settings.scale) if settings.scale else None
        except ValueError as error:
            raise ConfigError(
                f"{config.variable('scale')}: {error}, got {settings.scale!r}"
            ) from None
        return Told(scale, settings.unrated, settings.max_rejected)

    def open_rating_sink(self, stop: threading.Event) -> RatingSink:
        """Return the sink of ratings: Kafka if it is named, else batch objects.

        Waits for the store, Kafka and its Schema Registry until ``stop`` is set.

        Raises
        ------
        Cancelled
            If ``stop`` was set.
        """
        from mlproject.core.retry import until_available

        settings = self.settings
        if settings.kafka_bootstrap_servers is None:
            from mlproject.batches.sink import BatchSink

            batches = BatchSink(
                self.store, batch_rows=settings.batch_records, batch_seconds=settings.batch_seconds
            )
            until_available(lambda: batches.position, stop)
            return batches

        from mlproject.batches.position import PositionedSink, read_position
        from mlproject.kafka.producer import ProducerOptions
        from mlproject.kafka.sink import KafkaRatingSink

        schema_id = until_available(self._register_schema(), stop)
        start = until_available(lambda: read_position(self.store), stop)
        sink = KafkaRatingSink(
            settings.kafka_bootstrap_servers,
            TOPIC,
            schema_id,
            start_position=start,
            options=ProducerOptions(properties=self._kafka_properties),
            stop=stop,
        )
        until_available(sink.ping, stop)
        return PositionedSink(sink, self.store)

    @cached_property
    def rating_log(self) -> RatingLog:
        """Where single ratings are made durable: Kafka if it is named, else batch objects.

        Nothing is waited for: while Kafka is away, it refuses.

        Raises
        ------
        ConfigError
            If Kafka is named and the registry is not.
        """
        settings = self.settings
        log: RatingLog
        if settings.kafka_bootstrap_servers is None:
            from mlproject.batches.log import BatchRatingLog

            log = BatchRatingLog(self.store)
        else:
            from mlproject.kafka.log import INTERACTIVE, KafkaRatingLog

            log = KafkaRatingLog(
                settings.kafka_bootstrap_servers,
                TOPIC,
                self._register_schema(),
                replace(INTERACTIVE, properties=self._kafka_properties),
            )
        return self._open.enter_context(closing(log))

    @cached_property
    def history_copies(self) -> Copies:
        """The copies of ratings that the service keeps on this machine."""
        from mlproject.histories.copies import Copies

        source = self.store.uri
        if self.settings.kafka_bootstrap_servers is not None:
            # Offsets in Kafka are other ones than those of batches that were written without.
            source = f"{source} and Kafka"
        return Copies(self.settings.state_dir / "histories", source)

    @cached_property
    def user_histories(self) -> UserHistories:
        """What each user has rated: from the snapshot, and the stream after it.

        The stream is Kafka if it is named, else the batch objects. It is not started.

        Raises
        ------
        ConfigError
            If Kafka is named and the registry is not, or its address is invalid.
        """
        from mlproject.histories.followed import FollowedHistories

        settings = self.settings
        stream: RatingStream
        if settings.kafka_bootstrap_servers is None:
            from mlproject.batches.follow import BatchStream

            stream = BatchStream(self.store)
        else:
            from mlproject.kafka.follow import KafkaStream
            from mlproject.kafka.schema_registry import SchemaRegistry

            registry = self._open.enter_context(closing(SchemaRegistry(self._schema_registry_url)))
            stream = KafkaStream(
                settings.kafka_bootstrap_servers, TOPIC, registry.schema, self._kafka_properties
            )
        histories = FollowedHistories(self.store, stream, self.history_copies)
        return self._open.enter_context(closing(histories))

    def event_tail(self, stop: threading.Event, *, from_start: bool) -> Iterator[dict[str, Any]]:
        """Yield events as they arrive: from Kafka if it is named, else from the batch objects."""
        if self.settings.kafka_bootstrap_servers is not None:
            from mlproject.kafka.tail import tail_topic

            yield from tail_topic(
                self.settings.kafka_bootstrap_servers,
                TOPIC,
                self._schema_registry_url,
                stop,
                from_start=from_start,
                properties=self._kafka_properties,
            )
            return
        from mlproject.batches.tail import tail_batches

        for ratings in tail_batches(self.store, stop, from_start=from_start):
            yield from ratings.records()

    def _quarantine(self, origin: str) -> Callable[[pd.DataFrame], None]:
        """Return what keeps rejected rows under ``quarantine/``."""
        from mlproject.batches.quarantine import keep_rejected

        return lambda rejected: keep_rejected(self.store, origin, rejected)
