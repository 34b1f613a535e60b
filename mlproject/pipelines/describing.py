"""The name of a run, and its note."""

import resource
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mlproject.pipelines.dataset import Dataset
from mlproject.pipelines.incumbents import Incumbents
from mlproject.registry.gate import Verdict

_MEASURES: Final = ("precision", "recall", "ndcg", "coverage")
_WHOSE: Final = {
    "": "**this model**",
    "popularity_": "what is popular now",
    "production_": "production",
    "reference_": "the reference",
}
# getrusage counts in kilobytes, but for macOS, where it counts in bytes.
_MEGABYTE: Final = 1 << 20 if sys.platform == "darwin" else 1 << 10


def run_name(trainer: str, how: str, dataset: Dataset, now: datetime) -> str:
    """Return a distinct name of a run: the time, the trainer, the number of new ratings."""
    what = f"{trainer} {how}".rstrip()
    return f"{now:%m-%d %H:%M} {what} +{dataset.ingested.read.events:,} ratings"


def note(  # noqa: PLR0913 - all results of a run
    run_id: str,
    dataset: Dataset,
    incumbents: Incumbents,
    verdict: Verdict,
    *,
    decision: str,
    metrics: Mapping[str, float],
    k: int,
) -> str:
    """Return the note of a run, as Markdown."""
    production = incumbents.production
    compared = f"version {production.version.number}" if production else "popularity alone"
    held_out, ratings = metrics["ratings_held_out"], metrics["ratings"]
    data = (
        f"Trained on {ratings - held_out:,.0f} of {ratings:,.0f} ratings by "
        f"{metrics['users']:,.0f} users of {metrics['shows']:,.0f} shows, measured on the other "
        f"{held_out:,.0f}; compared with {compared}. {dataset.ingested.read.events:,} events were "
        "new."
    )
    use = (
        "It ranks TV shows for a person by what they have rated; users are not in it. Who has "
        "liked nothing yet gets what is popular now. "
        f"`tvrec promote --run {run_id[:8]}` serves it, `tvrec compare` shows who would gain."
    )
    return "\n\n".join([f"**{decision}**: {verdict.reason}", _table(metrics, k), data, use])


def _table(metrics: Mapping[str, float], k: int) -> str:
    lines = [
        f"| on the same holdout | {' | '.join(f'{name}@{k}' for name in _MEASURES)} |",
        f"|---|{'---|' * len(_MEASURES)}",
    ]
    for whose, who in _WHOSE.items():
        if f"{whose}precision_at_{k}" in metrics:
            cells = [f"{metrics[f'{whose}{name}_at_{k}']:.4f}" for name in _MEASURES]
            lines.append(f"| {who} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spent() -> dict[str, float]:
    """Return what this process has used so far: seconds of all processors, most memory (MB)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_mb": used.ru_maxrss / _MEGABYTE,
    }
