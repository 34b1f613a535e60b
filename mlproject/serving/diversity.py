"""Diverse lists by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998)."""

import numpy as np
from numpy.typing import NDArray


def diversified(
    scores: NDArray[np.float32], vectors: NDArray[np.float32], diversity: float, count: int
) -> list[int]:
    """Choose shows one after the other, each good and unlike those before it.

    Each time it is the one with the highest ``(1 - diversity) * relevance - diversity *
    likeness``: relevance is the score, scaled to 0 to 1 over the candidates, likeness the
    largest cosine with one that was chosen before. Of equals it is the one with the best score.

    Parameters
    ----------
    scores
        Of the candidates, float32, shape ``(n,)``, finite.
    vectors
        Of the candidates, float32, shape ``(n, d)``, each of length 1 or 0.
    diversity
        0 = by score alone, 1 = by likeness alone.
    count
        How many to choose, at most.

    Returns
    -------
    list of int
        Places among the candidates, in order.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    >>> diversified(np.array([3, 2, 1], dtype=np.float32), vectors, 0.5, 2)
    [0, 2]
    """
    if not len(scores):
        return []
    by_score = np.argsort(-scores, kind="stable")
    scores, vectors = scores[by_score], vectors[by_score]
    span = float(np.ptp(scores))
    relevance = (scores - scores.min()) / span if span else np.zeros(len(scores), np.float32)
    likeness = np.zeros(len(scores), dtype=np.float32)
    open_ = np.ones(len(scores), dtype=np.bool_)
    chosen: list[int] = []
    for _ in range(min(count, len(scores))):
        worth = (1 - diversity) * relevance - diversity * likeness
        best = int(np.argmax(np.where(open_, worth, -np.inf)))
        chosen.append(best)
        open_[best] = False
        np.maximum(likeness, vectors @ vectors[best], out=likeness)
    ranked: list[int] = by_score[chosen].tolist()
    return ranked
