"""What processes use, and what may be taken from them."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_PERIOD: Final = 100_000
_BUSY: Final = "while True: pass"


class NoQuotaError(Exception):
    """A quota cannot be set here; the text says why."""


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time that processes have used."""
    ticks = 0
    for pid in pids:
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        ticks += sum(map(int, used))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: Iterable[int]) -> float:
    """Return what processes hold for themselves."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty")):
                total += int(line.split()[1])
    return total / 1024


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many other processes busy."""
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@contextmanager
def quota(pids: Iterable[int], processors: float) -> Iterator[None]:
    """Let processes have so much of the processors together, by a cgroup.

    Raises
    ------
    NoQuotaError
        If this machine or this user has no cgroups to make.
    """
    v1, v2 = _CGROUPS / "cpu", _CGROUPS / "cgroup.controllers"
    parent = _CGROUPS if v2.exists() else v1
    group = parent / f"tvrec-bench-{os.getpid()}"
    moved = [str(pid) for pid in pids]
    try:
        group.mkdir()
    except OSError as error:
        raise NoQuotaError(f"no cgroup can be made: {error}") from error
    try:
        try:
            if parent == v1:
                (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
                (group / "cpu.cfs_quota_us").write_text(str(int(processors * _PERIOD)))
            else:
                (group / "cpu.max").write_text(f"{int(processors * _PERIOD)} {_PERIOD}")
            for pid in moved:
                (group / "cgroup.procs").write_text(pid)
        except OSError as error:
            raise NoQuotaError(f"the cgroup takes no quota: {error}") from error
        yield
    finally:
        for pid in moved:
            with suppress(OSError):
                (parent / "cgroup.procs").write_text(pid)
        with suppress(OSError):
            group.rmdir()
