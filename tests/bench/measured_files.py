"""Copies of the workflows that are measured, registered with a server."""

from __future__ import annotations

import shutil
from pathlib import Path

from .flyte_client import Pyflyte
from .places import MEASURED
from .server import Server
from .workshop import Workshop

MODULE = "two_tasks"
WORKFLOW = "hello"
TWO_TASKS = f"{MODULE}.{WORKFLOW}"
"""The launch plan's name; one input, ``name``."""
SELDOM = f"{MODULE}.seldom"
"""Another one, for lists in which it is rare."""


def copy(workshop: Workshop, module: str = MODULE) -> Path:
    """A folder with nothing but that file in it: clients pack and send what lies beside a workflow."""
    folder = workshop.new_folder("workflows")
    shutil.copy(MEASURED / f"{module}.py", folder)
    return folder


def register_two_tasks(workshop: Workshop, server: Server) -> Path:
    """:return: the folder it was registered from."""
    folder = copy(workshop)
    Pyflyte(workshop.new_folder("client"), server).register(f"{MODULE}.py", folder)
    return folder
