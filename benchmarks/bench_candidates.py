"""The best ten of a million shows: by all scores, and by the index that the service uses.

Shows are those of a LightFM model of real ratings (``--folder``), each many times over with
noise; tastes are those of its users, from their ratings of one of the copies each. Each way is
asked for the best shows that the user has not seen: of all, and of a share of them, as a genre
would ask; of any shows, and of such that are alike, which are far from many a taste. Figures are
processor time of one thread, so neighbours do not count, and the share of the exact best ten that
is found, on average and for the worst tenth of the users.
"""

import argparse
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.bench_models import read
from mlproject import config
from mlproject.bootstrap import App
from mlproject.core import columns as c
from mlproject.core.histories import Histories
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.features import show_metadata
from mlproject.dataset.split import hold_out
from mlproject.models.factors import Factors
from mlproject.models.vector_index import VectorIndex
from mlproject.serving.recommender import Recommender, Wish

K: Final = 10
FEWEST_RATINGS: Final = 5
KINDS: Final = {"all": 1.0, "a half": 0.5, "a tenth": 0.1, "a hundredth": 0.01}
ALIKE: Final = ", alike"


def trained(folder: Path) -> tuple[Factors, Histories]:
    """Fit LightFM on real ratings; return it, and histories of users with a taste."""
    data, catalogue = read(folder, 1)
    split, _ = hold_out(data, share=0.2, seed=1, kind="random")
    trainer = App(config.load(seed=1)).trainer("lightfm")
    model = trainer.fit(split, show_metadata(catalogue), 90.0, lambda _: None).model
    assert isinstance(model, Factors)
    histories = data.histories(~split.held_out, history_weights())
    long = np.diff(histories.indptr) >= FEWEST_RATINGS
    return model, histories.take(np.flatnonzero(long & histories.has_taste()))


def many(model: Factors, count: int, noise: float) -> TrainedModel:
    """Return a version of ``count`` shows: those of the model over and over, with noise."""
    rng = np.random.default_rng(1)
    rows = np.arange(count) % len(model.show_biases)
    vectors = model.show_vectors.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) / vectors.shape[1] ** 0.5
    moved = rng.normal(size=(count, vectors.shape[1])).astype(np.float32)
    moved *= noise * lengths[rows]
    moved += vectors[rows]
    biases = model.show_biases[rows]
    biases += noise * biases.std() * rng.normal(size=count).astype(np.float32)
    alike = np.argsort(np.argsort(moved @ rng.normal(size=vectors.shape[1]))) / count
    cards = tuple(
        {c.SHOW_ID: row, c.TITLE: str(row), c.GENRES: genres(*places)}
        for row, places in enumerate(zip(rng.random(count), alike, strict=True))
    )
    return TrainedModel(
        IdMap(np.arange(count)),
        Factors(moved.astype(np.float16), biases, model.fold_in),
        rng.pareto(1.0, count).astype(np.float32),
        history_weights(),
        cards,
    )


def genres(at: float, alike: float) -> list[str]:
    """Return what a show is of, by its place from 0 to 1 in any order and along one direction."""
    both = {"": at, ALIKE: alike}
    return [kind + more for more in both for kind in KINDS if both[more] < KINDS[kind]]


def measured(
    version: Recommender, wish: Wish, histories: list[Histories]
) -> tuple[list[float], list[NDArray[np.int64]]]:
    """Return the milliseconds, and what was found."""
    took, found = [], []
    for history in histories:
        begun = time.thread_time()
        found.append(version.ranked(history, wish)[0])
        took.append((time.thread_time() - begun) * 1000)
    return took, found


def told(took: list[float]) -> str:
    """Return the median and the 99th percentile."""
    return f"{median(took):6.2f} ms, p99 {quantiles(took, n=100)[98]:6.2f}"


def compare(version: TrainedModel, histories: list[Histories]) -> None:
    """Print a line for each wish and way."""
    begun = time.thread_time()
    index = VectorIndex.of(version)
    seconds = time.thread_time() - begun
    if index is None:
        print(f"{len(version.shows):,} shows: an index would find too little")
        return
    print(f"{len(version.shows):,} shows: index in {seconds:.1f} s, {index.told}", flush=True)
    plain, indexed = Recommender(1, version), Recommender(1, version, index=index)
    indexed.__dict__["showcase"] = plain.showcase  # which is large
    plain.warm_up()
    for kind in (*KINDS, *(kind + ALIKE for kind in KINDS if kind != "all")):
        wish = Wish(K, genres=() if kind == "all" else (kind,))
        took, wanted = measured(plain, wish, histories)
        took_too, found = measured(indexed, wish, histories)
        shares = [
            len(np.intersect1d(*pair)) / len(pair[1]) for pair in zip(found, wanted, strict=True)
        ]
        print(
            f"  {kind:18} all scores {told(took)}; index {told(took_too)}, "
            f"recall@{K} {np.mean(shares):.3f}, worst tenth {np.quantile(shares, 0.1):.1f}",
            flush=True,
        )


def main() -> None:
    """Compare at each number of shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of ratings and shows")
    parser.add_argument("--sizes", type=int, nargs="+", default=[12_294, 100_000, 1_000_000])
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--noise", type=float, default=0.2, help="of a vector's length (0.2)")
    given = parser.parse_args()
    model, every = trained(given.folder)
    rng = np.random.default_rng(3)
    chosen = every.take(rng.choice(len(every), given.users, replace=False))
    with threadpool_limits(1):
        for size in given.sizes:
            copies = max(1, size // len(model.show_biases))
            rows = chosen.show_rows + len(model.show_biases) * rng.integers(
                0, copies, len(chosen.show_rows)
            )
            moved = Histories(chosen.indptr, rows.astype(np.int32), chosen.weights)
            histories = [moved[user : user + 1] for user in range(len(moved))]
            compare(many(model, size, given.noise), histories)


if __name__ == "__main__":
    main()
