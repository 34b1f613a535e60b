"""Scales: found from all ratings of a file, or told; never from the kind of file alone.

A scale is its lowest and its highest rating. Ratings become ten points by
``rating * 10 / highest``, halves rounded up, at least 1: five stars are doubled, a
hundred points divided by ten, a thumb up is 10 and a thumb down 1.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.rating_scale import HIGHEST, LOWEST

Floats = NDArray[np.float64]

EVIDENCE: Final = 20
"""So many ratings with none above 5 are five stars: on ten points one of them would be higher."""
STRAY: Final = 0.01
"""A share of ratings out of the scale that is taken for typing errors."""
_FEW: Final = 0.05
_FIVE: Final = 5
_HUNDRED: Final = 100
_MANY: Final = 50
_PATTERN: Final = re.compile(r"(?P<lowest>-?\d+(?:\.\d+)?)-(?P<highest>\d+(?:\.\d+)?)")
_SPOKEN: Final = {1: "thumbs", 5: "five stars", 10: "ten points", 100: "a hundred points"}


class ScaleInDoubtError(Exception):
    """The ratings fit several scales; the text says which, and how to choose."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From which rating to which.

    Examples
    --------
    >>> Scale(0.5, 5).to_ten(np.array([0.5, 4.5, 6])).tolist()
    [1.0, 9.0, nan]
    >>> str(Scale.parse("0-100"))
    '0-100'
    """

    lowest: float
    highest: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scale as people write it.

        Raises
        ------
        ValueError
            If it is none.
        """
        found = _PATTERN.fullmatch(text.strip())
        if found is None or float(found["lowest"]) >= float(found["highest"]):
            raise ValueError("should be a lowest and a highest rating, such as 1-5 or 0-100")
        return cls(float(found["lowest"]), float(found["highest"]))

    def __str__(self) -> str:
        return f"{self.lowest:g}-{self.highest:g}"

    def to_ten(self, values: Floats) -> Floats:
        """Turn ratings into whole points from 1 to 10; NaN for what is out of the scale.

        Parameters
        ----------
        values
            float64, shape ``(n,)``.
        """
        start = min(self.lowest, 0.0)
        points = (values - start) * HIGHEST / (self.highest - start)
        rounded = np.maximum(np.floor(points + 0.5), LOWEST)
        return np.where((values >= self.lowest) & (values <= self.highest), rounded, np.nan)

    @property
    def change(self) -> str:
        """What becomes of a rating, for people."""
        name = _SPOKEN.get(int(self.highest), f"a scale of {self}")
        if self.lowest < 0:
            return f"a scale of {self}, spread over 1 to 10"
        factor = HIGHEST / self.highest
        done = {1.0: "as they are", 2.0: "doubled", 0.1: "divided by ten"}
        return f"{name}, {done.get(factor, f'times {factor:g}')}"


def find_scale(values: Floats, *, stars: bool = False, thumbs: bool = False) -> Scale:
    """Find the scale from all ratings of a file.

    Parameters
    ----------
    values
        float64, shape ``(n,)``: the finite ratings, without those that mean "not rated".
    stars
        Whether files of this kind are five stars as a rule; the ratings must agree.
    thumbs
        Whether the column's name says that it holds thumbs.

    Raises
    ------
    ScaleInDoubtError
        If the ratings fit several scales, or none.
    """
    if not len(values):
        return Scale(LOWEST, HIGHEST)
    different = np.unique(values)
    if set(different.tolist()) <= {0.0, 1.0}:
        return _thumbs(different, sure=thumbs)
    _refuse_below_one(values)
    # What a few rows have below the scale is rejected row by row.
    rated = values[values > 0]
    if (above := float((rated > HIGHEST).mean())) > 0:
        if len(rated) >= 1 / STRAY and above <= STRAY:
            return find_scale(rated[rated <= HIGHEST], stars=stars)
        return _hundred(rated, above)
    lowest = min(float(LOWEST), float(rated.min()))
    if (above := float((rated > _FIVE).mean())) > 0:
        return _ten(rated, above, lowest)
    is_five = rated.max() == _FIVE and len(rated) >= EVIDENCE
    if stars or is_five:
        return Scale(lowest, _FIVE)
    raise ScaleInDoubtError(
        f"none of the {len(rated)} ratings is above {rated.max():g}, so they may be five stars or "
        "ten points of which only low ones occur; say which with --scale 1-5 or --scale 1-10"
    )


def describe(values: Floats, scale: Scale) -> str:
    """Say what the ratings are and what becomes of them.

    Examples
    --------
    >>> describe(np.array([0.5, 3, 5]), Scale(0.5, 5))
    'ratings 0.5 to 5 in steps of 0.5: five stars, doubled'
    """
    inside = values[(values >= scale.lowest) & (values <= scale.highest)]
    if not len(inside):
        return f"no ratings on the scale {scale}"
    different = np.unique(inside)
    steps = "of many values"
    if len(different) <= _HUNDRED + 1:
        # Half points are steps of a half, whichever of them occur.
        size = next((s for s in (10, 5, 1, 0.5, 0.25, 0.1) if not (different / s % 1).any()), 0)
        steps = f"in steps of {size:g}" if size else steps
    rounded = ""
    points = scale.to_ten(different)
    if scale.lowest >= 0 and not np.allclose(points, different * HIGHEST / scale.highest):
        rounded = ", halves rounded up"
    return f"ratings {different[0]:g} to {different[-1]:g} {steps}: {scale.change}{rounded}"


def _thumbs(different: Floats, *, sure: bool) -> Scale:
    if sure:
        return Scale(0, 1)
    found = " and ".join(f"{value:g}" for value in different)
    raise ScaleInDoubtError(
        f"all ratings are {found}; if 1 is a thumb up, say --scale 0-1; if the value says that a "
        f"show was watched and not rated, say --unrated {different[-1]:g}"
    )


def _refuse_below_one(values: Floats) -> None:
    """Refuse zeros and negative ratings unless they are a few strays."""
    for low, what in ((values == 0, "0"), (values < 0, f"{values.min():g}")):
        share, count = float(low.mean()), int(low.sum())
        if share > STRAY or (count and len(values) < 1 / STRAY):
            high = f"{values.max():g}"
            raise ScaleInDoubtError(
                f"{count} of {len(values)} ratings are {'' if what == '0' else 'below 0, down to '}"
                f"{what}; if that means watched and not rated, say --unrated {what}, if it is the "
                f"lowest rating, --scale={what}-{high}"
            )


def _hundred(rated: Floats, above: float) -> Scale:
    inside = rated[rated <= _HUNDRED]
    if above >= 0.5 and len(inside) >= (1 - STRAY) * len(rated) and inside.max() > _MANY:  # noqa: PLR2004
        return Scale(LOWEST, _HUNDRED)
    raise ScaleInDoubtError(
        f"ratings go from {rated.min():g} to {rated.max():g}, {above:.0%} of them above 10, which "
        f"is neither five stars nor ten nor a hundred points; say which, such as --scale "
        f"1-{rated.max():g}; with --scale 1-10 the rows above 10 are left out"
    )


def _ten(rated: Floats, above: float, lowest: float) -> Scale:
    top = rated.max()
    if above < _FEW:
        count = int((rated > _FIVE).sum())
        raise ScaleInDoubtError(
            f"{count} of {len(rated)} ratings are above 5, up to {top:g}: too many for typing "
            "errors among five stars and too few for ten points; say --scale 1-10, or "
            "--scale 1-5 to leave them out"
        )
    if top <= 7 and len(rated) >= _HUNDRED:  # noqa: PLR2004
        raise ScaleInDoubtError(
            f"none of the {len(rated)} ratings is above {top:g}; say --scale 1-{top:g} if that is "
            "the best there is, or --scale 1-10"
        )
    return Scale(lowest, HIGHEST)
