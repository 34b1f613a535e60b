"""The trainers side by side on one holdout, with EASE, what is popular now, and the first default.

By default on simulated ratings; ``--drift`` takes those of raters who come, rate and go, and
``--folder`` names one with ``rating.csv.gz`` and ``anime.csv.gz``, or other files that
`tvrec generate-ratings` and `export-shows` take. Each line is one fit with one seed.
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
import pandas as pd
from lightfm import LightFM
from scipy import sparse

from mlproject import config
from mlproject.bootstrap import App
from mlproject.catalogue.files import FileCatalogue, bundled
from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights, positive_weights
from mlproject.dataset.cards import cards
from mlproject.dataset.features import show_metadata
from mlproject.dataset.matrices import interactions
from mlproject.dataset.split import hold_out
from mlproject.events.replay import ReplaySource
from mlproject.events.simulator import Simulator
from mlproject.snapshot.latest import latest
from mlproject.training.evaluation import Scorer, by_model, by_popularity, evaluate
from mlproject.training.popularity import popular_now
from mlproject.training.validation import choose_half_life
from tests.drifting import drifting, long_drifting

EASE_L2: Final = 200.0


def read(folder: Path, seed: int) -> tuple[Interactions, Catalogue]:
    """Read files of ratings and of shows."""
    catalogue = FileCatalogue(next(iter(sorted(folder.glob("anime.csv*"))))).read()
    ratings = next(iter(sorted(folder.glob("rating.csv*"))))
    source = ReplaySource.open(ratings, backlog_share=1, seed=seed)
    events = source.read(0, source.backlog).to_columns()
    return interactions(latest(events), catalogue)[0], catalogue


def simulated(seed: int) -> tuple[Interactions, Catalogue]:
    """Make what `make run` begins with."""
    catalogue = bundled().read()
    now = datetime(2025, 1, 1, tzinfo=UTC)
    source = Simulator(catalogue, users=2000, ratings=100_000, seed=seed, now=lambda: now)
    return interactions(latest(source.read(0, 100_000).to_columns()), catalogue)[0], catalogue


def drifted(kind: str, seed: int) -> tuple[Interactions, Catalogue]:
    """Make ratings of shows that nothing is known of."""
    data = drifting(3000, seed) if kind == "fast" else long_drifting(700, seed)
    raw = pd.DataFrame({c.SHOW_ID: data.shows.ids, c.TITLE: "a title"})
    return data, Catalogue.validated(raw)[0]


def first_default(split: Split, metadata: sparse.csr_array, seed: int, threads: int = 2) -> Scorer:
    """Fit as the first release did: on identities and metadata of all shows, for 20 epochs."""
    data = split.interactions
    weights = positive_weights(data.ratings)
    chosen = (weights > 0) & ~split.held_out
    rows, columns = data.user_rows[chosen], data.show_rows[chosen]
    known = np.asarray(metadata.sum(axis=1)).ravel()
    share = sparse.diags_array(0.5 / np.maximum(known, 1), dtype=np.float32) @ metadata
    features = sparse.csr_matrix(
        sparse.hstack([sparse.eye_array(data.shape[1], dtype=np.float32), share])
    )
    features.indices, features.indptr = (
        part.astype(np.int32) for part in (features.indices, features.indptr)
    )
    model = LightFM(
        no_components=64, loss="warp", learning_rate=0.05, max_sampled=10, random_state=seed
    )
    counted = sparse.coo_matrix((weights[chosen], (rows, columns)), shape=data.shape)
    ones = sparse.coo_matrix((np.ones_like(counted.data), (rows, columns)), shape=data.shape)
    model.fit(ones, sample_weight=counted, item_features=features, epochs=20, num_threads=threads)
    shows, biases = features @ model.item_embeddings, features @ model.item_biases
    return lambda users: model.user_embeddings[users] @ shows.T + biases


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
        f"{name:20} precision@10 {means['precision_at_10']:.4f}  "
        f"NDCG@10 {means['ndcg_at_10']:.4f}  {seconds:6.1f} s of processor time",
        flush=True,
    )


def main() -> None:
    """Fit and measure each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--split", choices=["auto", "time", "random"], default="auto")
    parser.add_argument("--drift", choices=["fast", "long"], help="raters who come and go")
    parser.add_argument("--seed", type=int, default=42, help="of data, holdout and fits (42)")
    given = parser.parse_args()
    seed = given.seed
    if given.folder:
        data, catalogue = read(given.folder, seed)
    else:
        data, catalogue = drifted(given.drift, seed) if given.drift else simulated(seed)
    split, rule = hold_out(data, share=0.2, seed=seed, kind=given.split)
    print(f"{len(data):,} ratings, {data.shape[0]:,} users, {data.shape[1]:,} shows; {rule}")
    half_life = choose_half_life(split, seed)
    popularity = popular_now(split, half_life)
    metadata, app = show_metadata(catalogue), App(config.load(seed=seed))

    def by_trainer(name: str) -> Scorer:
        fitted = app.trainer(name).fit(split, metadata, half_life, lambda _: None)
        print(f"  {name} has chosen {dict(fitted.found)}")
        model = TrainedModel(
            shows=data.shows,
            model=fitted.model,
            popularity=popularity,
            history_weights=history_weights(),
            cards=cards(catalogue),
        )
        return by_model(model, split)

    measured("popular in 30 days", split, lambda: by_popularity(popular_now(split, 30)))
    measured(f"half-life {half_life:g}", split, lambda: by_popularity(popularity))
    measured("the first default", split, lambda: first_default(split, metadata, seed))
    measured("lightfm", split, lambda: by_trainer("lightfm"))
    measured("linear", split, lambda: by_trainer("linear"))
    measured("EASE", split, lambda: ease(split))


if __name__ == "__main__":
    main()
