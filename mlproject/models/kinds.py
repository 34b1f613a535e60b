"""The kinds of models there are; a version's files name theirs."""

from collections.abc import Mapping
from typing import Final

from mlproject.core.model import Model
from mlproject.models.factors import Factors
from mlproject.models.linear import Linear
from mlproject.models.popularity import Popularity

KINDS: Final[Mapping[str, type[Model]]] = {
    kind.kind: kind for kind in (Factors, Linear, Popularity)
}
