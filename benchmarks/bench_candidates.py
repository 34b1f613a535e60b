"""The best ten of a million shows: by all scores, as the service does it, and by Faiss.

Shows are the vectors of a factorisation of real ratings (``--folder``), each many times over
with noise; tastes are those of its users. Each way is asked for all shows, for those that
the user has not seen, and for a tenth of the shows as a genre would ask. Figures are
processor time of one thread, so neighbours do not count, and the share of the exact best
ten that is found. Faiss is no dependency: ``pip install faiss-cpu``.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_limits

from benchmarks.bench_models import read
from mlproject.core.preferences import positive_weights
from mlproject.core.ranking import top_k

K: Final = 10
DIMENSIONS: Final = 64
NOISE: Final = 0.2
SEEN: Final = 100
LISTS: Final = 1024
TRAINED_ON: Final = 50_000

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_] | None
Rows = NDArray[np.int64]
Ask = Callable[[Floats, Rows, Mask], Rows]

NOTHING: Final = np.empty(0, dtype=np.int64)
GENRE: Final = 0.1


def factors(folder: Path) -> tuple[Floats, Floats]:
    """Return tastes of users and vectors of shows."""
    data, _ = read(folder, 1)
    matrix = data.matrix(positive_weights(data.ratings), np.ones(len(data), dtype=np.bool_))
    users: Floats
    shows: Floats
    users, strengths, shows = svds(matrix.astype(np.float32), k=DIMENSIONS, random_state=1)
    return (users * strengths).astype(np.float32), np.ascontiguousarray(shows.T, np.float32)


def many(shows: Floats, count: int) -> Floats:
    """Return ``count`` vectors: those of the shows over and over, with noise."""
    rng = np.random.default_rng(1)
    rows = np.arange(count) % len(shows)
    noise = rng.normal(size=(count, shows.shape[1])).astype(np.float32)
    lengths = np.linalg.norm(shows, axis=1, keepdims=True) / shows.shape[1] ** 0.5
    found: Floats = shows[rows] + NOISE * lengths[rows] * noise
    return found


def exact(vectors: Floats, taste: Floats, seen: Rows, chosen: Mask) -> Rows:
    """Score all, and take the best."""
    scores = vectors @ taste
    scores[seen] = -np.inf
    if chosen is not None:
        scores[~chosen] = -np.inf
    return top_k(scores, K)


def by_index(
    index: faiss.IndexIVFFlat, probes: int, taste: Floats, seen: Rows, chosen: Mask
) -> Rows:
    """Ask some lists of the index for what is chosen and has not been seen."""
    if chosen is None:
        unseen = faiss.IDSelectorNot(faiss.IDSelectorBatch(seen))
    else:
        left = chosen.copy()
        left[seen] = False
        unseen = faiss.IDSelectorBitmap(np.packbits(left, bitorder="little"))
    params = faiss.SearchParametersIVF(nprobe=probes, sel=unseen)
    found: Rows = index.search(taste[None], K, params=params)[1][0]
    return found


def measured(ask: Ask, tastes: Floats, seen: list[Rows], chosen: Mask) -> tuple[float, list[Rows]]:
    """Return the median of the milliseconds, and what was found."""
    took, found = [], []
    for taste, theirs in zip(tastes, seen, strict=True):
        begun = time.thread_time()
        found.append(ask(taste, theirs, chosen))
        took.append((time.thread_time() - begun) * 1000)
    return median(took), found


def recall(found: list[Rows], wanted: list[Rows]) -> float:
    """Return the share of what is wanted that was found."""
    both = [len(np.intersect1d(*pair)) / K for pair in zip(found, wanted, strict=True)]
    return float(np.mean(both))


def indexed(vectors: Floats, rng: np.random.Generator) -> faiss.IndexIVFFlat:
    """Put vectors into lists of neighbours."""
    begun = time.thread_time()
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(DIMENSIONS), DIMENSIONS, LISTS, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.niter = 8
    index.train(vectors[rng.choice(len(vectors), min(len(vectors), TRAINED_ON), replace=False)])
    index.add(vectors)
    print(f"{len(vectors):,} shows; the index took {time.thread_time() - begun:.1f} s", flush=True)
    return index


def compare(vectors: Floats, tastes: Floats, probes: list[int]) -> None:
    """Print a line for each wish and way."""
    rng = np.random.default_rng(2)
    seen = [
        np.union1d(
            rng.integers(0, len(vectors), SEEN), exact(vectors, taste, NOTHING, None)[: K // 2]
        )
        for taste in tastes
    ]
    index = indexed(vectors, rng)
    for name, chosen in (("unseen", None), ("of a genre", rng.random(len(vectors)) < GENRE)):
        took, wanted = measured(partial(exact, vectors), tastes, seen, chosen)
        print(f"  {name:10} {'all scores':12} {took:7.2f} ms", flush=True)
        for count in probes:
            took, found = measured(partial(by_index, index, count), tastes, seen, chosen)
            share = recall(found, wanted)
            print(
                f"  {name:10} {count:4} of {LISTS} {took:7.2f} ms, recall {share:.3f}", flush=True
            )


def main() -> None:
    """Compare at each number of shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of ratings and shows")
    parser.add_argument("--sizes", type=int, nargs="+", default=[12_294, 100_000, 1_000_000])
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--probes", type=int, nargs="+", default=[32, 128])
    given = parser.parse_args()
    faiss.omp_set_num_threads(1)
    users, shows = factors(given.folder)
    active = np.flatnonzero((users**2).sum(axis=1) > 0)
    tastes = users[np.random.default_rng(3).choice(active, given.users, replace=False)]
    with threadpool_limits(1):
        for size in given.sizes:
            compare(many(shows, size), tastes, given.probes)


if __name__ == "__main__":
    main()
