"""How many processors a process may use, by what the kernel says of its container."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mlproject.core.cpus import usable_cpus

HOST = Path("/sys/fs/cgroup")


@pytest.fixture(autouse=True)
def _sixteen_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


class Machine:
    """A folder of a process and the groups that it is in, as the kernel shows them."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.sys = folder / "proc", folder / "sys"
        self.proc.mkdir()
        self.sys.mkdir()

    def version_2(self, group: str, root: str = "/", **limits: str) -> None:
        """Limits by the path below the mount, with _ for /."""
        (self.proc / "cgroup").write_text(f"0::{group}\n")
        (self.proc / "mountinfo").write_text(
            "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
            f"36 25 0:31 {root} {self.sys} rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
        )
        for name, content in limits.items():
            folder = self.sys / name.strip("_").replace("_", "/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cpu.max").write_text(f"{content}\n")

    def version_1(self, group: str, root: str, quota: int) -> None:
        (self.proc / "cgroup").write_text(f"5:memory:/elsewhere\n4:cpu,cpuacct:{group}\n0::/\n")
        (self.proc / "mountinfo").write_text(
            f"36 25 0:31 {root} {self.sys} rw - cgroup cgroup rw,cpu,cpuacct\n"
        )
        (self.sys / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (self.sys / "cpu.cfs_period_us").write_text("100000\n")

    def cpus(self) -> int:
        return usable_cpus(self.proc)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("limit", "cpus"),
    [
        ("max 100000", 16),
        ("200000 100000", 2),
        ("50000 100000", 1),
        ("250000 100000", 2),
        ("6400000 100000", 16),
    ],
)
def test_a_limit_of_the_container_counts(machine: Machine, limit: str, cpus: int) -> None:
    machine.version_2("/", _=limit)
    assert machine.cpus() == cpus


def test_so_does_a_limit_of_the_groups_above(machine: Machine) -> None:
    machine.version_2("/pods/ours", _="max 100000", pods="300000 100000", pods_ours="400000 100000")
    assert machine.cpus() == 3


def test_a_mount_of_the_containers_own_group_is_its_group(machine: Machine) -> None:
    machine.version_2("/kubepods/pod1/c1", root="/kubepods/pod1/c1", _="200000 100000")
    assert machine.cpus() == 2


@pytest.mark.parametrize(("quota", "cpus"), [(-1, 16), (200_000, 2)])
@pytest.mark.parametrize("root", ["/kubepods/pod1/c1", "/"])
def test_version_1_counts_too(machine: Machine, root: str, quota: int, cpus: int) -> None:
    machine.version_1("/kubepods/pod1/c1" if root != "/" else "/", root, quota)
    assert machine.cpus() == cpus


def test_without_cgroups_it_is_the_processors(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path) == 16


def test_fewer_processors_than_the_limit_are_fewer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    machine.version_2("/", _="200000 100000")
    assert machine.cpus() == 1


@pytest.fixture
def limited_group() -> Iterator[Path]:
    """A group of this machine's own, limited to one processor."""
    name = f"tvrec-test-{uuid4().hex[:8]}"
    version_1 = (HOST / "cpu" / "cpu.cfs_quota_us").exists()
    group = (HOST / "cpu" if version_1 else HOST) / name
    try:
        group.mkdir()
        limit = group / ("cpu.cfs_quota_us" if version_1 else "cpu.max")
        limit.write_text("100000" if version_1 else "100000 100000")
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no group can be made here: {error}")
    yield group
    group.rmdir()


def test_a_real_limit_is_seen(limited_group: Path) -> None:
    program = (
        "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
        "from mlproject.core import cpus; os.sched_getaffinity = lambda _: range(16);"
        "print(cpus.usable_cpus())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, limited_group / "cgroup.procs"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"
