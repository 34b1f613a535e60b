"""The table of all metrics, for the documents: made from the metrics themselves."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry

from mlproject.monitoring.metrics import BuilderMetrics, ExporterMetrics, GeneratorMetrics
from mlproject.serving.metrics import ServiceMetrics

PARTS: Final = {
    "recommendations-service": ServiceMetrics,
    "model-builder": BuilderMetrics,
    "event-generator": GeneratorMetrics,
    "data-exporter": ExporterMetrics,
}
"""What makes the metrics of each part."""
_SUFFIX: Final = {"counter": "_total"}


def metrics_table() -> str:
    """Return a Markdown table: each metric, its kind, its labels, who tells it, what it is."""
    lines = ["| metric | kind | labels | of | what it is |", "|---|---|---|---|---|"]
    for part, make in PARTS.items():
        registry = CollectorRegistry()
        made = make(registry)
        for name, kind, labels, text in sorted(_described(registry, vars(made))):
            told = ", ".join(f"`{label}`" for label in labels)
            lines.append(f"| `{name}` | {kind} | {told} | {part} | {text} |")
    return "\n".join(lines)


def names() -> set[str]:
    """Return every name by which a query can ask for one of our metrics."""
    found = set()
    for make in PARTS.values():
        registry = CollectorRegistry()
        for name, kind, _, _ in _described(registry, vars(make(registry))):
            series = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            found |= {name + ending for ending in series}
    return found


def _described(
    registry: CollectorRegistry, made: Mapping[str, object]
) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield name, kind, labels and text of each metric that is ours."""
    labels = {
        getattr(metric, "_name", ""): tuple(getattr(metric, "_labelnames", ()))
        for metric in made.values()
    }
    for family in registry.collect():
        if family.name in labels:
            name = family.name + _SUFFIX.get(family.type, "")
            yield name, family.type, labels[family.name], family.documentation
