"""How sentences format numbers."""

from mlproject.registry.gate.difference import Difference


def percent(share: float) -> str:
    """Write a setting.

    Examples
    --------
    >>> percent(0.01), percent(0.125)
    ('1 %', '12.5 %')
    """
    return f"{round(100 * share, 6):g} %"


def of_shows(share: float) -> str:
    """Write a coverage.

    Examples
    --------
    >>> of_shows(0.0008)
    '0.08 % of the shows'
    """
    return f"{100 * share:.2f} % of the shows"


def of_users(count: int) -> str:
    """Write a number of users.

    Examples
    --------
    >>> of_users(1), of_users(1234)
    ('1 user', '1,234 users')
    """
    return "1 user" if count == 1 else f"{count:,} users"


def rounded(found: Difference) -> float:
    """Return a difference as people read it: to four decimals."""
    return round(found.mean, 4)


def compared(found: Difference, than: float) -> str:
    """Say by how much something is better or worse than a mean.

    Examples
    --------
    >>> compared(Difference(-0.005, 0.001, 400), 0.25)
    'worse by 0.0050 (2.0 %)'
    >>> compared(Difference(-1e-17, 0.001, 400), 0.25)
    'equal'
    """
    if not rounded(found):
        return "equal"
    share = f" ({abs(found.mean) / than:.1%})".replace("%", " %") if than > 0 else ""
    return f"{'better' if found.mean > 0 else 'worse'} by {abs(found.mean):.4f}{share}"
