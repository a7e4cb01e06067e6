"""The whole stack: how soon it is ready, what it weighs, how soon it is gone, and the demo through Airflow.

The rows share one scratch stack, which the first of them makes; each can be measured alone.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from airflyte import environments, settings

from . import places
from .counting_proxy import CountingProxy
from .figures import Measurement, spread
from .memory import BYTES_PER_MB
from .scratch_stack import ScratchStack, copy_checkout
from .standalone_airflow import StandaloneAirflow
from .workshop import Workshop

_RESTARTS = 3
_DEMO_RUNS = 3
_ENVIRONMENTS = ("sandbox", "airflow", "workflows")


class Shared:
    """The scratch stack of one run of the benchmark.

    :ivar first_seconds: how long its first ``make up`` took, with the demo.
    """

    def __init__(self, workshop: Workshop) -> None:
        _warm_package_cache(workshop)
        self._scratch = ScratchStack(workshop.folder / "checkout", workshop.say)
        workshop.closing.callback(self._scratch.end)
        workshop.say("first make up, in a copy of this checkout")
        self.first_seconds = self._scratch.up()

    @property
    def scratch(self) -> ScratchStack:
        """The stack, running; a row that failed may have left it down."""
        if not self._scratch.processes():
            self._scratch.up()
        return self._scratch


def ready_warm(workshop: Workshop) -> Measurement:
    """``down`` and ``up`` in turns with the reference."""
    scratch = workshop.shared(Shared).scratch
    python = scratch.stack.program("airflow", "python")
    parallelism = scratch.stack.settings.airflow_parallelism
    reference = StandaloneAirflow(python, workshop.new_folder("standalone"), parallelism)
    plain: list[float] = []
    reference.migrate()
    for _ in range(_RESTARTS):
        down = scratch.down()
        plain.append(reference.time_to_ready())  # alone on the machine, as the stack is
        scratch.restarts.append((down, scratch.up()))
    ups = [up for _, up in scratch.restarts]
    workshop.say(f"make up: {spread(ups)}; airflow standalone: {spread(plain)}")
    return Measurement(statistics.median(ups), statistics.median(plain))


def ready_first(workshop: Workshop) -> Measurement:
    return Measurement(workshop.shared(Shared).first_seconds)


def memory(workshop: Workshop) -> Measurement:
    return Measurement(workshop.shared(Shared).scratch.settled()[0])


def processes(workshop: Workshop) -> Measurement:
    return Measurement(workshop.shared(Shared).scratch.settled()[1])


def down(workshop: Workshop) -> Measurement:
    """With the check, after each, that no process and no port is left."""
    scratch = workshop.shared(Shared).scratch
    while len(scratch.restarts) < _RESTARTS:
        scratch.restart()
    downs = [down for down, _ in scratch.restarts]
    workshop.say(spread(downs))
    return Measurement(statistics.median(downs))


def disk(workshop: Workshop) -> Measurement:
    """The whole state folder, environments included, after the first run of the demo."""
    folder = workshop.shared(Shared).scratch.stack.folder
    for part in sorted(folder.path.iterdir()):
        workshop.say(f"{part.name}: {_disk_mb(part):.0f} MB")
    return Measurement(_disk_mb(folder.path))


def download(workshop: Workshop) -> Measurement:
    """A first ``make up`` with nothing in any cache, through a proxy that counts."""
    home = workshop.new_folder("home")
    with CountingProxy().running() as proxy:
        cold = {"HOME": str(home), "UV_CACHE_DIR": str(home / "uv"), "PIP_CACHE_DIR": str(home / "pip")}
        variables = {**cold, **proxy.variables, "AIRFLYTE_DEMO": "0"}
        scratch = ScratchStack(workshop.folder / "cold-checkout", workshop.say, variables)
        try:
            workshop.say(f"make up took {scratch.up():.0f} s")
        finally:
            scratch.end()
        return Measurement(proxy.received_bytes / BYTES_PER_MB)


def demo_pima(workshop: Workshop) -> Measurement:
    scratch = workshop.shared(Shared).scratch
    scratch.run_demo()  # warms the template process; the first demo of ``up`` may have been long ago
    seconds = [scratch.run_demo() for _ in range(_DEMO_RUNS)]
    workshop.say(spread(seconds))
    return Measurement(statistics.median(seconds))


def _warm_package_cache(workshop: Workshop) -> None:
    """Have every package in uv's cache, by making the environments once where nobody has made them yet."""
    ours = [places.CHECKOUT / ".airflyte" / "envs" / name for name in _ENVIRONMENTS]
    if all(path.exists() for path in ours):
        return
    workshop.say("filling the package cache")
    checkout = workshop.folder / "cache-checkout"
    copy_checkout(checkout)
    made = environments.of(settings.load(checkout, {}), os.environ, workshop.say)
    for name in _ENVIRONMENTS:
        made.sync(name, _Quiet())


class _Quiet:
    def say(self, text: str) -> None: ...

    def advance(self, done: float, total: float | None, text: str | None = None) -> None: ...


def _disk_mb(path: Path) -> float:
    """What it occupies; a file with several names inside counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for each in (path, *path.rglob("*")):
        stat = each.lstat()
        if (stat.st_dev, stat.st_ino) not in seen:
            seen.add((stat.st_dev, stat.st_ino))
            total += stat.st_blocks * 512
    return total / BYTES_PER_MB
