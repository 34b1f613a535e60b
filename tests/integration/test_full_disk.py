"""A disk that is really full: each process that writes says so in a sentence, and goes on."""

import logging
import re
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mlproject.batches.log import BatchRatingLog
from mlproject.batches.sink import BatchSink
from mlproject.catalogue.files import bundled
from mlproject.cli import tvrec
from mlproject.core.aliases import PRODUCTION
from mlproject.core.disk import telling_of_a_full_disk
from mlproject.core.errors import StoreUnavailableError, UnavailableError
from mlproject.models.cache import ModelCache
from mlproject.models.files import save_model
from mlproject.objects.local import LocalStore
from mlproject.pipelines.build import Builder
from mlproject.pipelines.export_shows import export_shows
from mlproject.pipelines.train import TrainParams
from mlproject.registry.gate import Rules
from mlproject.scheduling import run_every
from mlproject.testing import MemoryRegistry, MemoryStore
from mlproject.training.popularity import PopularityTrainer
from tests.builders import event, model, put_catalogue, ratings, shows, version
from tests.small_disk import full_disk

SAID = "(No space left on device|File too large|the disk is full)"


class Now:
    def now(self) -> datetime:
        return datetime(2026, 11, 28, tzinfo=UTC)


def test_the_generator_keeps_its_events_and_says_why(tmp_path: Path) -> None:
    with full_disk(tmp_path / "store"):
        sink = BatchSink(LocalStore(tmp_path / "store"))
        with pytest.raises(StoreUnavailableError, match=f"cannot write .*{SAID}"):
            sink.append(ratings(20_000))
        assert sink.position == 0


def test_the_exporter_says_why(tmp_path: Path) -> None:
    with (
        full_disk(tmp_path / "store"),
        pytest.raises(StoreUnavailableError, match=f"cannot write .*{SAID}"),
    ):
        export_shows(bundled(), LocalStore(tmp_path / "store"), Now())


def test_ratings_are_taken_as_long_as_they_are_kept(tmp_path: Path) -> None:
    with full_disk(tmp_path / "store"):
        store = LocalStore(tmp_path / "store")
        log, taken, trouble = BatchRatingLog(store), 0, ""
        try:
            while not trouble and taken < 1000:
                try:
                    log.append(event(taken)).result(timeout=30)
                    taken += 1
                except UnavailableError as error:
                    trouble = str(error)
        finally:
            log.close()
        kept = sum(len((store.get(info.key) or b"").splitlines()) for info in store.list("topics/"))
    assert re.search(SAID, trouble)
    assert kept == taken


def test_the_service_keeps_its_version(tmp_path: Path) -> None:
    def download(_: int, folder: Path) -> Path:
        (folder / "model").mkdir()
        save_model(model(range(3000)), folder / "model")
        return folder / "model"

    with (
        full_disk(tmp_path / "models"),
        pytest.raises(StoreUnavailableError, match=f"cannot write {tmp_path}/models"),
    ):
        ModelCache(tmp_path / "models", download).load(version(1))


def test_the_builder_says_it_once_and_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fit is written into the temporary folder first, through numpy."""
    store, registry = MemoryStore(), MemoryRegistry(tmp_path / "registry")
    put_catalogue(store, shows(3000))
    sink = BatchSink(store)
    sink.append(ratings(2000))
    sink.flush()
    builder = Builder(
        store,
        registry,
        ModelCache(tmp_path / "cache", registry.download),
        {PRODUCTION: [PopularityTrainer()]},
        TrainParams(1, 90.0, 0.2, "random", 5, Rules()),
    )
    stop, tries = threading.Event(), []

    def build() -> None:
        tries.append(1)
        if len(tries) == 2:
            stop.set()
        builder.build()

    with full_disk(tmp_path / "temporary"):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        run_every(60, build, stop, retry_seconds=0.05)
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info for record in told] == [None], [one.getMessage() for one in told]
    assert "the disk is full: cannot write below" in told[0].getMessage()
    assert {run.status for run in registry.kept_runs} == {"FAILED"}


def test_a_command_ends_with_a_sentence(tmp_path: Path) -> None:
    with full_disk(tmp_path / "state"):
        result = CliRunner(env={"TVREC_STATE_DIR": str(tmp_path / "state")}).invoke(
            tvrec, ["export-shows"]
        )
    assert result.exit_code == 5
    assert result.stderr.startswith("Error: cannot write ")
    assert result.stderr.count("\n") == 1


def test_numpy_s_error_without_a_number_is_told_too(tmp_path: Path) -> None:
    with (
        full_disk(tmp_path / "disk"),
        pytest.raises(StoreUnavailableError, match="the disk is full"),
        telling_of_a_full_disk(),
    ):
        np.save(tmp_path / "disk" / "array.npy", np.zeros(100_000))


def test_other_errors_pass() -> None:
    with pytest.raises(FileNotFoundError), telling_of_a_full_disk():
        Path("/no/such/file").read_text()
    with pytest.raises(ValueError, match="10 bytes written"), telling_of_a_full_disk():
        raise ValueError("10 bytes written")
