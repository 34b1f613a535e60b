"""A driver that kills a worker in the middle of its fit: MASTER STATE_DIR TRAINER PID."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from mlproject import config
from mlproject.bootstrap import App
from mlproject.core.model import Model
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import hold_out
from mlproject.pipelines.spark_dataset import load_on_spark
from tests.spark.conftest import CONF

HALF_LIFE = 3000.0
SECONDS = 1.0


def fitted(app: App, name: str, pid: int) -> Model:
    """Fit; a second after the first step the process of a worker is killed."""

    def after_step(_: int) -> None:
        if not killer.is_alive() and not killer.finished.is_set():
            killer.start()

    killer = threading.Timer(SECONDS, os.kill, (pid, signal.SIGKILL))
    with app.spark("killing") as spark:
        data, dataset = load_on_spark(spark, app.store, app.open_store, most_users=100_000)
        split, _ = hold_out(dataset.interactions, share=0.2, seed=1)
        metadata = show_metadata(dataset.catalogue)
        model = app.spark_trainer(name, data).fit(split, metadata, HALF_LIFE, after_step).model
    assert killer.finished.is_set(), "the fit was over before the kill"
    return model


if __name__ == "__main__":
    master, state_dir, name, pid = sys.argv[1:]
    settings = config.load(
        state_dir=Path(state_dir),
        dimensions=16,
        als_iterations=5,
        spark_master=master,
        spark_conf=json.dumps(CONF),
    )
    with App(settings) as app:
        model = fitted(app, name, int(pid))
    np.savez(Path(state_dir) / "model.npz", **model.arrays())
