"""How many processors this process may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SELF: Final = Path("/proc/self")


def usable_cpus(proc: Path = _SELF) -> int:
    """Return how many threads can run at the same time.

    That is the processors that the process may be scheduled on, or the CPU limit of its
    container if that is less: a thread beyond it waits for the others, and spins meanwhile.

    Parameters
    ----------
    proc
        The folder of a process below ``/proc``.

    Returns
    -------
    int
        1 or more. A limit of 2.5 processors is 2 threads.
    """
    cpus = _affinity()
    quota = _quota(proc)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def _affinity() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _quota(proc: Path) -> float | None:
    """Return the least limit of the groups that a process is in, in processors.

    Of cgroup v1 and v2; where there is no limit, or no cgroup (macOS), None.
    """
    try:
        memberships = (proc / "cgroup").read_text().splitlines()
        mounts = (proc / "mountinfo").read_text().splitlines()
    except OSError:
        return None
    limits = []
    # A line is `0::/path` in v2 and `4:cpu,cpuacct:/path` in v1.
    for _, controllers, path in (line.split(":", 2) for line in memberships):
        if controllers == "":
            limits += [_limit_of_v2(group) for group in _groups(mounts, "cgroup2", path)]
        elif "cpu" in controllers.split(","):
            limits += [_limit_of_v1(group) for group in _groups(mounts, "cgroup", path)]
    return min((limit for limit in limits if limit is not None), default=None)


def _groups(mounts: list[str], kind: str, path: str) -> Iterator[Path]:
    """Yield the folder of a group and of those above it, whose limits hold for it too."""
    for line in mounts:
        # `36 25 0:31 ROOT MOUNT_POINT options - TYPE source super,options`
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        found, _, options = after.split(maxsplit=2)
        if found != kind or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        yield Path(point)
        group = Path(point)
        # In a container the mount may show no more than its own group.
        below = os.path.relpath(path, root)
        for part in () if below.startswith("..") else Path(below).parts:
            group /= part
            yield group


def _limit_of_v2(folder: Path) -> float | None:
    text = _text(folder / "cpu.max")  # `200000 100000`, or `max 100000`
    quota, _, period = text.partition(" ")
    return None if quota in {"", "max"} else int(quota) / int(period)


def _limit_of_v1(folder: Path) -> float | None:
    quota, period = (_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
