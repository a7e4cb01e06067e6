"""A server with nothing but a runner, for tests to kill: one JSON order a line in, one JSON event a line out.

Run as ``python host.py FOLDER``. Orders: ``{"do": "start" | "resume" | "stop", ...}``.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from flyte_sandbox.runner import AttemptExit, AttemptSpec, ProcessRunner

_one_line = threading.Lock()


def tell(**event: object) -> None:
    with _one_line:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def tell_end(ending: AttemptExit) -> None:
    tell(event="ended", key=ending.key, code=ending.code, signal=ending.signal, lost=ending.lost)


def spec_of(order: dict) -> AttemptSpec:
    return AttemptSpec(order["key"], Path(order["folder"]), tuple(order["argv"]), order["env"])


def main(folder: Path) -> None:
    runner = ProcessRunner(
        environments={"default": Path(sys.executable)},
        templates_folder=folder / "templates",
        mark=("AIRFLYTE_STACK", "test-stack"),
        warm=True,
        grace_seconds=1.0,
        on_started=lambda key, at: tell(event="started", key=key),
        on_end=tell_end,
    )
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            runner.start(spec_of(order))
        elif order["do"] == "resume":
            runner.resume([spec_of(each) for each in order["specs"]])
        elif order["do"] == "stop":
            runner.stop(order["key"])
    runner.close(stop_attempts=False)


main(Path(sys.argv[1]))
