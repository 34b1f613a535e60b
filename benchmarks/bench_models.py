"""The trainers side by side on one holdout, with EASE and what is popular now.

By default on simulated ratings; ``--folder`` names one with ``rating.csv.gz`` and
``anime.csv.gz``, or other files that `tvrec generate-ratings` and `export-shows` take.
EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) is the linear
model with all shows as neighbours, in closed form; it wants shows x shows numbers.
"""

import argparse
import resource
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from scipy import sparse

from mlproject import config
from mlproject.bootstrap import App
from mlproject.catalogue.files import FileCatalogue, bundled
from mlproject.core.catalogue import Catalogue
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.cards import cards
from mlproject.dataset.features import show_metadata
from mlproject.dataset.matrices import interactions
from mlproject.dataset.split import hold_out
from mlproject.events.replay import ReplaySource
from mlproject.events.simulator import Simulator
from mlproject.snapshot.latest import latest
from mlproject.training.evaluation import Scorer, by_model, by_popularity, evaluate
from mlproject.training.popularity import popular_now

SEED: Final = 42
HALF_LIFE_DAYS: Final = 30.0
EASE_L2: Final = 200.0


def read(folder: Path) -> tuple[Interactions, Catalogue]:
    """Read files of ratings and of shows."""
    catalogue = FileCatalogue(next(iter(sorted(folder.glob("anime.csv*"))))).read()
    ratings = next(iter(sorted(folder.glob("rating.csv*"))))
    source = ReplaySource.open(ratings, backlog_share=1, seed=SEED)
    events = source.read(0, source.backlog).to_columns()
    return interactions(latest(events), catalogue)[0], catalogue


def simulated() -> tuple[Interactions, Catalogue]:
    """Make what `make run` begins with."""
    catalogue = bundled().read()
    now = datetime(2025, 1, 1, tzinfo=UTC)
    source = Simulator(catalogue, users=2000, ratings=100_000, seed=SEED, now=lambda: now)
    return interactions(latest(source.read(0, 100_000).to_columns()), catalogue)[0], catalogue


def ease(split: Split) -> Scorer:
    """Fit EASE on the training part."""
    data = split.interactions
    histories = data.histories(~split.held_out, history_weights())
    matrix = sparse.csr_array(
        (histories.weights, histories.show_rows, histories.indptr), shape=data.shape
    )
    gram = np.asarray((matrix.T @ matrix).todense(), dtype=np.float32)
    gram[np.diag_indices_from(gram)] += EASE_L2
    inverse = np.linalg.inv(gram)
    weights = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return lambda rows: np.asarray(matrix[rows] @ weights, dtype=np.float32)


def measured(name: str, split: Split, fit: Callable[[], Scorer]) -> None:
    """Print a row."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    score = fit()
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    means = evaluate(score, split, 10).means()
    print(
        f"{name:12} precision@10 {means['precision_at_10']:.4f}  "
        f"NDCG@10 {means['ndcg_at_10']:.4f}  {seconds:6.1f} s of processor time",
        flush=True,
    )


def main() -> None:
    """Fit and measure each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--split", choices=["auto", "time", "random"], default="auto")
    given = parser.parse_args()
    data, catalogue = read(given.folder) if given.folder else simulated()
    split, rule = hold_out(data, share=0.2, seed=SEED, kind=given.split)
    print(f"{len(data):,} ratings, {data.shape[0]:,} users, {data.shape[1]:,} shows; {rule}")
    popularity = popular_now(split, HALF_LIFE_DAYS)
    metadata, app = show_metadata(catalogue), App(config.load())

    def by_trainer(name: str) -> Scorer:
        model = TrainedModel(
            shows=data.shows,
            model=app.trainer(name).fit(split, metadata, lambda _: None).model,
            popularity=popularity,
            history_weights=history_weights(),
            cards=cards(catalogue),
        )
        return by_model(model, split)

    measured("popular now", split, lambda: by_popularity(popularity))
    measured("lightfm", split, lambda: by_trainer("lightfm"))
    measured("linear", split, lambda: by_trainer("linear"))
    measured("EASE", split, lambda: ease(split))


if __name__ == "__main__":
    main()
