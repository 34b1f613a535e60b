"""What the tests on the real servers do with them: the commands, and a look behind them."""

import gzip
import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Any

import boto3
from botocore.client import BaseClient, Config
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from mlproject import config
from mlproject.batches.keys import GENERATOR_POSITION, BatchKey
from mlproject.bootstrap import App
from mlproject.core.retry import until_available
from mlproject.core.topics import DEAD_LETTER_TOPIC, TOPIC
from mlproject.kafka.broker import Broker
from mlproject.kafka.connector import NAME
from mlproject.kafka.offsets import offset_ranges
from mlproject.snapshot.ingest import IngestReport, ingest
from mlproject.snapshot.state import RatingsState
from stack import control
from stack.servers import Stack
from tests.servers import BIN, environment, kill_all, wait_until

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Record:
    """A line of a batch object."""

    partition: int
    offset: int
    event: dict[str, Any]


@dataclass
class World:
    """The servers, with a bucket and names in MLflow of its own.

    Parameters
    ----------
    stack
        The servers.
    folder
        For files and output of this world's processes.
    settings
        What the commands are told.
    """

    stack: Stack
    folder: Path
    settings: dict[str, str] = field(repr=False)
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @classmethod
    def of(cls, stack: Stack, name: str, folder: Path) -> "World":
        """Use the servers under names of one's own."""
        settings = {
            **stack.environment,
            "TVREC_BUCKET": f"tvrec-{name}",
            "TVREC_STATE_DIR": str(folder / "state"),
            "TVREC_REGISTERED_MODEL": name,
            "MLFLOW_EXPERIMENT_NAME": name,
            "TVREC_THREADS": "1",
        }
        return cls(stack, folder, settings)

    def clear(self) -> None:
        """Make bucket, topics and connector anew."""
        self.wait_for("connect")
        self.remove_topics()
        self.s3.create_bucket(Bucket=self.bucket)
        self.good("topics", "apply")
        self.good("connect", "apply")

    @property
    def bucket(self) -> str:
        return self.settings["TVREC_BUCKET"]

    @cached_property
    def s3(self) -> BaseClient:
        return boto3.client(
            "s3",
            endpoint_url=self.settings["S3_ENDPOINT_URL"],
            aws_access_key_id=self.settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.settings["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )

    @cached_property
    def broker(self) -> Broker:
        return Broker(self.settings["KAFKA_BOOTSTRAP_SERVERS"], {})

    def run(self, *words: str, **settings: str) -> Done:
        """Run a command to its end."""
        return subprocess.run(
            [BIN / "tvrec", *words],
            env=environment(**{**self.settings, **settings}),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def good(self, *words: str, **settings: str) -> Done:
        """Run a command that must succeed."""
        done = self.run(*words, **settings)
        assert done.returncode == 0, f"tvrec {' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    def start(self, log: str, *words: str, **settings: str) -> "subprocess.Popen[bytes]":
        """Start a command; what it says is appended to ``log``."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                [BIN / words[0], *words[1:]],
                env=environment(**{**self.settings, **settings}),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        return process

    def said(self, log: str) -> str:
        return (self.folder / log).read_text(errors="replace")

    def end(self) -> None:
        """End what was started and still runs."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.started.clear()
        # BentoML's workers are in sessions of their own.
        kill_all(Path(self.settings["TVREC_STATE_DIR"]))

    def remove_topics(self) -> None:
        """Remove the connector and the topics, and with them the offsets of its group."""
        base = self.settings["TVREC_CONNECT_URL"]
        request = urllib.request.Request(f"{base}/connectors/{NAME}", method="DELETE")
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            with error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
        admin = AdminClient({"bootstrap.servers": self.settings["KAFKA_BOOTSTRAP_SERVERS"]})
        there = {TOPIC, DEAD_LETTER_TOPIC} & set(admin.list_topics(timeout=10).topics)
        for removed in admin.delete_topics(list(there)).values() if there else ():
            removed.result()
        wait_until(
            lambda: not {TOPIC, DEAD_LETTER_TOPIC} & set(admin.list_topics(timeout=10).topics),
            30,
            "the end of the topics",
        )

    # --- What is where ---

    def ends(self, topic: str = TOPIC) -> dict[int, int]:
        """The offset after the last message of each partition."""
        # A broker that has just started does not lead its partitions at once.
        ranges = until_available(lambda: offset_ranges(self.broker, topic), Event())
        return {part: end for part, (_, end) in ranges.items()}

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def get(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def position(self) -> int:
        """The saved position of the generator."""
        if GENERATOR_POSITION not in self.keys(GENERATOR_POSITION):
            return 0
        return int(json.loads(self.get(GENERATOR_POSITION))["position"])

    def records(self) -> Iterator[Record]:
        """Every line of every batch object, by our own reading."""
        for key in self.keys(f"topics/{TOPIC}/"):
            place = BatchKey.parse(key)
            assert place, key
            for line in gzip.decompress(self.get(key)).splitlines():
                told = json.loads(line)
                yield Record(place.partition, told["offset"], told["value"])

    def written(self) -> dict[int, int]:
        """The offset after the last record of each partition that is in the bucket."""
        newest: dict[int, str] = {}
        for key in self.keys(f"topics/{TOPIC}/"):
            place = BatchKey.parse(key)
            assert place, key
            newest[place.partition] = max(key, newest.get(place.partition, ""))
        return {
            partition: json.loads(gzip.decompress(self.get(key)).splitlines()[-1])["offset"] + 1
            for partition, key in newest.items()
        }

    def wait_until_written(self, seconds: float, but: int = 0) -> None:
        """Wait until the bucket holds the topic, ``but`` messages at the ends excepted."""
        ends = self.ends()

        def done() -> bool:
            written = self.written()
            return sum(end - written.get(part, 0) for part, end in ends.items()) <= but

        wait_until(done, seconds, f"batches up to {ends} (now {self.written()})")

    def dead_letters(self) -> list[Message]:
        """All messages of the dead-letter topic."""
        end = self.ends(DEAD_LETTER_TOPIC)[0]
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": "tests",
                "enable.auto.commit": False,
            }
        )
        consumer.assign([TopicPartition(DEAD_LETTER_TOPIC, 0, 0)])
        try:
            found = consumer.consume(end, timeout=20) if end else []
        finally:
            consumer.close()
        assert len(found) == end
        return found

    def ingest(self, state: RatingsState | None = None) -> tuple[RatingsState, IngestReport]:
        """Bring the snapshot up to date, without a training."""
        settings = config.load(
            bucket=self.bucket,
            s3_endpoint_url=self.settings["S3_ENDPOINT_URL"],
            aws_access_key_id=self.settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.settings["AWS_SECRET_ACCESS_KEY"],
        )
        with App(settings) as app:
            return ingest(app.store, state)

    def status(self) -> dict[str, Any]:
        """``tvrec dataset status``."""
        told: dict[str, Any] = json.loads(self.good("dataset", "status", "--json").stdout)
        return told

    # --- Trouble ---

    @contextmanager
    def without(self, server: str) -> Iterator[None]:
        """Stop a server meanwhile."""
        control.stop_server(self.stack.layout, server)
        try:
            yield
        finally:
            control.start_server(self.stack, server)

    def kill(self, server: str) -> None:
        """Kill -9 a server; the supervisor starts it again."""
        control.kill_server(self.stack.layout, server)

    def wait_for(self, server: str) -> None:
        """Wait until a server answers."""
        (found,) = (each for each in self.stack.servers() if each.name == server)
        control.wait(found, self.stack.layout)


def grows(measure: Callable[[], int], seconds: float, what: str) -> None:
    """Wait until a number is larger than now."""
    first = measure()
    wait_until(lambda: measure() > first, seconds, what)
