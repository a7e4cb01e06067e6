"""Removes the work folders of ended attempts without keeping a template from its work."""

from __future__ import annotations

import os
import shutil

_FEW = 200
_RM = "/bin/rm"


def remove(folder: str) -> set[int]:
    """A small tree at once, a large one by a process of its own.

    :return: that process, for the caller to wait for; empty when there is none.
    """
    if _has_more_than(_FEW, folder) and os.path.exists(_RM):
        return {os.posix_spawn(_RM, [_RM, "-rf", "--", folder], {}, setsigmask=())}
    shutil.rmtree(folder, ignore_errors=True)
    return set()


def _has_more_than(limit: int, folder: str) -> bool:
    count = 0
    for _, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        if count > limit:
            return True
    return False
