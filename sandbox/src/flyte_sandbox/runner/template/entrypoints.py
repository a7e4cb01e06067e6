"""Runs one of flytekit's commands in this process as its script in the environment's ``bin`` would run it."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from typing import Any

from . import commands, processes
from .flytekit_state import ENTRYPOINT
from .prepared import Word
from .warmth import Warmth


def run(argv: list[str], scripts: str, warmth: Warmth, word: Word | None = None) -> int:
    """:param word: what to wait for before the inputs are looked at.

    :return: the exit code that the script would have had.
    """
    warmth.renew()
    if word is not None:
        warmth.wait_before_inputs(word.wait)
    name = os.path.basename(argv[0])
    script = os.path.join(scripts, name)
    function = commands.IN_PROCESS[name]
    command = getattr(sys.modules[ENTRYPOINT], function)
    sys.path[:] = module_path(scripts, warmth.base_path)
    sys.argv = [script, *argv[1:]]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [sys.executable, script, *argv[1:]]
    processes.set_name(name)
    _become_main(script, {"sys": sys, function: command})
    return exit_code(command)


def module_path(scripts: str, base: list[str]) -> list[str]:
    """A script's folder, PYTHONPATH, the interpreter's own, each once: as ``site`` makes it."""
    named = os.environ.get("PYTHONPATH")
    folders = [os.path.abspath(entry) for entry in named.split(os.pathsep)] if named else []
    return list(dict.fromkeys([scripts, *folders, *base]))


def _become_main(script: str, names: dict[str, Any]) -> None:
    """Pickle, cloudpickle and multiprocessing look at ``__main__``."""
    main = types.ModuleType("__main__")
    main.__dict__.update(names, __file__=script, __builtins__=sys.modules["builtins"], __annotations__={})
    sys.modules["__main__"] = main


def exit_code(command: Callable[[], object]) -> int:
    """Call it as the last thing of a script; an exception is shown as the interpreter would show it."""
    try:
        command()
    except SystemExit as exc:
        return _code_of(exc.code)
    except BaseException as exc:  # noqa: BLE001  # as the interpreter does at top level
        trace = exc.__traceback__
        sys.excepthook(type(exc), exc, trace.tb_next if trace else None)  # without this frame of ours
        return 1
    return 0


def _code_of(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    print(value, file=sys.stderr)  # noqa: T201  # what the interpreter does with anything else
    return 1
