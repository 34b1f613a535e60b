"""Whether a candidate may become production: a pure decision with a sentence.

Production changes only for a reason: the candidate is better, or a change is due and costs next
to nothing. ``docs/gate.md`` has the rules, their sources and how they behave in simulations.
"""

from mlproject.registry.gate.decision import Cause, Outcome, Verdict, judge
from mlproject.registry.gate.difference import Difference
from mlproject.registry.gate.inputs import Measured, Occasion, Rules, Scores
from mlproject.registry.gate.looks import looks_at, looks_tag, recipe_id, share_of

__all__ = [
    "Cause",
    "Difference",
    "Measured",
    "Occasion",
    "Outcome",
    "Rules",
    "Scores",
    "Verdict",
    "judge",
    "looks_at",
    "looks_tag",
    "recipe_id",
    "share_of",
]
