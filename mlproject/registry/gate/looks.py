"""The correction for repeated looks: each look has a smaller error level than the one before.

A builder that fits one recipe again and again, with another seed each time, compares every
fit with the same production on nearly the same users. Sooner or later one looks better by
chance. So all looks of a recipe at a version in production share one error level, and
the ``n``-th gets ``6 / (pi n)^2`` of it, which adds up to one however many there are.

That is alpha spending over a stream of hypotheses (Tian and Ramdas, "Online control of the
familywise error rate", Statistical Methods in Medical Research 30(4), 2021, section 2.1).
It holds whatever the looks have in common, such as the users.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Final

_TAG: Final = "gate_looks_"


def share_of(look: int) -> float:
    """Return which part of the chance of error a look may spend.

    Parameters
    ----------
    look
        From 1.

    Examples
    --------
    >>> [round(share_of(look), 4) for look in (1, 2, 3, 720)]
    [0.6079, 0.152, 0.0675, 0.0]
    """
    return 6 / (math.pi * look) ** 2


def recipe_id(params: Mapping[str, Any]) -> str:
    """Name what all fits of one recipe have in common.

    Parameters
    ----------
    params
        What decides how good a fit is: the trainer and its parameters, how the data is
        prepared. Without what differs from fit to fit of one recipe: seed, threads, data.

    Returns
    -------
    str
        Twelve hexadecimal digits; the order of the parameters does not matter.

    Examples
    --------
    >>> recipe_id({"trainer": "lightfm", "epochs": 20})
    'c1aa317f7dbb'
    """
    text = json.dumps(params, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def looks_tag(recipe: str) -> str:
    """Return the tag of a version in production that counts a recipe's looks at it."""
    return _TAG + recipe


def looks_at(tags: Mapping[str, str], recipe: str) -> int:
    """Return how often a recipe has been compared with a version.

    Parameters
    ----------
    tags
        Of the version in production.
    recipe
        From :func:`recipe_id`.

    Examples
    --------
    >>> looks_at({"gate_looks_c1aa317f7dbb": "31"}, "c1aa317f7dbb")
    31
    >>> looks_at({}, "c1aa317f7dbb")
    0
    """
    text = tags.get(looks_tag(recipe), "")
    return int(text) if text.isdecimal() else 0
