"""A disk without room, of a kind that this machine lets us have."""

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE = 256 * 1024
_LEFT = 4096


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Let a folder, which is made, be on a disk that has room for a page and no more.

    For root a small file system is mounted there. For others the size of files is limited
    instead, for this process and those that it starts.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)]
    if (
        os.geteuid() == 0
        and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    ):
        try:
            (folder / "filler").write_bytes(bytes(_SIZE - _LEFT))
            yield
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LEFT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
