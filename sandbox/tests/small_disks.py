"""File systems of a few megabytes, which are soon full."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1 << 20


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mounted at ``folder``; the test is skipped where this user may not mount anything."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes * MEGABYTE}", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """A file that takes whatever room there is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (MEGABYTE, 4096, 1):
        try:
            while os.write(descriptor, bytes(size)):
                pass
        except OSError:
            pass
    os.close(descriptor)
