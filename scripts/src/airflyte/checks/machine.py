"""Is this machine big enough, and of a kind that the packages are built for?

Inside a container its limits count, not the host's size.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from airflyte.checks.finding import Check, Finding, failure, ok, warning
from airflyte.settings import Settings

GIB = 1024**3

NEEDED_MEMORY, GOOD_MEMORY = 2 * GIB, 3 * GIB
"""The stack takes 1.2 GB; a task that trains a model takes 0.3 GB beside it."""

ENVIRONMENTS_DISK = 2.0 * GIB
"""What the environments and the package cache take together."""
NEEDED_STATE, GOOD_STATE = 0.5 * GIB, 2 * GIB

MACHINES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64", "arm64": "arm64"}
OLDEST_GLIBC = (2, 28)


def architecture(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Every package in the locks has a wheel for these; for others nothing would install."""
    machine = MACHINES.get(platform.machine().lower())
    name = f"{platform.system()} on {machine or platform.machine()}"
    if (
        machine is None
        or sys.platform not in ("linux", "darwin")
        or (sys.platform, machine) == ("darwin", "x86-64")
    ):
        advice = "the stack runs on Linux (x86-64, arm64), on macOS (arm64), and on Windows inside WSL 2"
        return failure("architecture", name, advice)
    if sys.platform == "linux" and (problem := _libc_problem()):
        return failure("architecture", f"{name}, {problem}", "use a distribution with glibc 2.28 or newer")
    if sys.platform == "darwin":
        return warning("architecture", name, "macOS is meant to work and not tested; see the README")
    return ok("architecture", name)


def cores(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """How many cores this process may use."""
    count = _usable_cores()
    text = f"{count:g} usable"
    return (
        ok("cores", text) if count >= 2 else warning("cores", text, "everything will be slow; two are better")
    )


def memory(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """What is free now; a stack that runs already has its share."""
    free = _free_memory()
    text = f"{free / GIB:.1f} GiB free of {psutil.virtual_memory().total / GIB:.1f}"
    if free >= GOOD_MEMORY or settings.folder.run.exists():
        return ok("memory", text)
    advice = "the stack takes 1.2 GB, a training task 0.3 GB more; close something"
    return (failure if free < NEEDED_MEMORY / 2 else warning)("memory", text, advice)


def disk(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Room for what is not there yet."""
    place = settings.state if settings.state.exists() else settings.checkout
    free = shutil.disk_usage(place).free
    installed = (settings.folder.environments / "workflows").exists()
    needed = NEEDED_STATE + (0 if installed else ENVIRONMENTS_DISK)
    text = f"{free / GIB:.1f} GiB free at {place}"
    if free < needed:
        return failure(
            "disk", text, f"{needed / GIB:.1f} GiB are needed; make room, or clone to another disk"
        )
    if free < needed + GOOD_STATE - NEEDED_STATE:
        return warning("disk", text, "runs leave logs and data behind; make room soon")
    return ok("disk", text)


def _libc_problem() -> str:
    library, number = platform.libc_ver()
    if library != "glibc":
        return "a C library other than glibc"
    version = tuple(int(part) for part in number.split(".")[:2])
    return "" if version >= OLDEST_GLIBC else f"glibc {number}"


def _usable_cores() -> float:
    count = float(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    quota, _, period = _control_group("cpu.max").partition(" ")
    return min(count, int(quota) / int(period)) if quota.isdigit() and period.isdigit() else count


def _free_memory() -> float:
    free = float(psutil.virtual_memory().available)
    limit, used = _control_group("memory.max"), _control_group("memory.current")
    return min(free, int(limit) - int(used)) if limit.isdigit() and used.isdigit() else free


def _control_group(name: str) -> str:
    """A limit of the control group that a container sees as its root; empty when there is none."""
    try:
        return Path("/sys/fs/cgroup", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


CHECKS = (Check(architecture), Check(cores), Check(memory), Check(disk))
