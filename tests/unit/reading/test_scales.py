"""A scale is found from the ratings, or the choices are named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.reading.scales import Scale, ScaleInDoubtError, describe, find_scale


def values(*groups: tuple[float, int]) -> np.ndarray:
    """So many of each rating."""
    return np.concatenate([np.full(count, float(value)) for value, count in groups])


TENS = values(*((point, 10) for point in range(1, 11)))
FIVES = values(*((point, 10) for point in range(1, 6)))
HALVES = values(*((point / 2, 10) for point in range(1, 11)))


@pytest.mark.parametrize(
    ("given", "stars", "scale"),
    [
        (TENS, False, Scale(1, 10)),
        (TENS, True, Scale(1, 10)),
        (TENS - 0.5, False, Scale(0.5, 10)),
        (FIVES, False, Scale(1, 5)),
        (FIVES, True, Scale(1, 5)),
        (HALVES, False, Scale(0.5, 5)),
        (values((3, 1), (2, 1)), True, Scale(1, 5)),
        (values((9, 1)), False, Scale(1, 10)),
        (TENS * 10, False, Scale(1, 100)),
        (np.concatenate([TENS, [55]]), False, Scale(1, 10)),
        (np.concatenate([TENS, [0]]), False, Scale(1, 10)),
        (np.concatenate([TENS, [-1]]), False, Scale(1, 10)),
        (np.array([]), False, Scale(1, 10)),
    ],
)
def test_a_scale_without_doubt_is_found(given: np.ndarray, *, stars: bool, scale: Scale) -> None:
    assert find_scale(given, stars=stars) == scale


@pytest.mark.parametrize(
    ("given", "choices"),
    [
        (values((3, 5), (4, 5)), "--scale 1-5 or --scale 1-10"),
        (values((3, 500), (4, 500)), "--scale 1-5 or --scale 1-10"),
        (np.concatenate([FIVES, [8]]), "--scale 1-10, or --scale 1-5"),
        (values((1, 90), (7, 90)), "--scale 1-7 if that is the best there is, or --scale 1-10"),
        (np.concatenate([TENS, TENS * 10]), "say which, such as --scale 1-100"),
        (TENS * 2, "say which, such as --scale 1-20"),
        (TENS * 100, "say which, such as --scale 1-1000"),
        (TENS - 1, "--unrated 0, if it is the lowest rating, --scale=0-9"),
        (np.arange(0.0, 101), "--scale=0-100"),
        (values((-1, 5), (10, 5)), "--unrated -1, if it is the lowest rating, --scale=-1-10"),
        (values((0, 5), (1, 5)), "if 1 is a thumb up, say --scale 0-1"),
        (values((1, 500)), "--unrated 1"),
    ],
)
def test_a_scale_in_doubt_is_refused_with_the_choices(given: np.ndarray, choices: str) -> None:
    if choices.startswith("--scale=0-100"):
        given = np.concatenate([given, np.zeros(20)])
    with pytest.raises(ScaleInDoubtError) as caught:
        find_scale(given)
    assert choices in str(caught.value)


@pytest.mark.parametrize(
    ("scale", "given", "expected"),
    [
        ("1-10", [1, 7.5, 8.4, 10, 0.5, 11], [1, 8, 8, 10, np.nan, np.nan]),
        ("1-5", [1, 3.5, 5, 0.5], [2, 7, 10, np.nan]),
        ("0.5-5", [0.5, 4.5], [1, 9]),
        ("0-5", [0, 5], [1, 10]),
        ("0-100", [0, 4, 45, 44, 100], [1, 1, 5, 4, 10]),
        ("0-1", [0, 1], [1, 10]),
        ("-1-1", [-1, 0, 1], [1, 5, 10]),
    ],
)
def test_ratings_become_ten_points_and_halves_are_rounded_up(
    scale: str, given: list[float], expected: list[float]
) -> None:
    found = Scale.parse(scale).to_ten(np.array(given, dtype=float))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("text", ["", "5", "5-1", "1-", "a-b", "1-5-9", "3-3"])
def test_what_is_no_scale_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="should be a lowest and a highest rating"):
        Scale.parse(text)


@given(st.lists(st.integers(1, 10), max_size=50))
def test_five_stars_come_to_the_same_as_the_same_stars_doubled(points: list[int]) -> None:
    """So a like is a like, whatever the file's scale was."""
    ten = np.concatenate([TENS, points])
    for factor in (0.5, 10):
        scaled = find_scale(ten * factor).to_ten(ten * factor)
        np.testing.assert_array_equal(scaled, ten)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (HALVES, "ratings 0.5 to 5 in steps of 0.5: five stars, doubled"),
        (FIVES, "ratings 1 to 5 in steps of 1: five stars, doubled"),
        (TENS, "ratings 1 to 10 in steps of 1: ten points, as they are"),
        (TENS - 0.5, "ratings 0.5 to 9.5 in steps of 0.5: ten points, as they are, halves rounded"),
        (TENS * 10, "ratings 10 to 100 in steps of 10: a hundred points, divided by ten"),
    ],
)
def test_what_was_found_is_said(given: np.ndarray, said: str) -> None:
    assert describe(given, find_scale(given)).startswith(said)
