"""Servers for a test or a measurement, in a folder that goes when it ends."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack import control
from stack.install import default_cache, install
from stack.layout import Layout
from stack.servers import Stack


@contextmanager
def temporary_stack() -> Iterator[Stack]:
    """Start the servers without our own parts; stop them at the end, whatever happens.

    Raises
    ------
    StackError
        If they cannot be installed or do not come up.
    """
    programs = install(default_cache())
    # Not where temporary files usually are: for root, PostgreSQL is run by another user,
    # who must be able to reach its folder.
    folder = Path(tempfile.mkdtemp(prefix="tvrec-stack-", dir="/var/tmp"))
    folder.chmod(0o755)
    layout = Layout(folder)
    try:
        # Far from those that others ask for first: one of these servers may be stopped for
        # a while, and its port must not be taken then.
        ports = layout.ports().shifted(100 * random.randrange(1, 130)).free()  # noqa: S311
        layout.keep_ports(ports)
        stack = Stack(layout, programs, ports, layout.secrets(), with_parts=False)
        control.start(stack, lambda line: print(line, flush=True))  # noqa: T201
        yield stack
    finally:
        control.stop(layout, lambda _: None)
        shutil.rmtree(folder)
