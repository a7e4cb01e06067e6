"""What is loaded in a template, what a fork of it has to make anew, and which attempts must not use it.

A forked attempt must not be told from a cold one; what cannot be made anew, is a reason to run cold.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from . import event_loops, packages, processes, shadows
from .first_calls import FirstCalls
from .flytekit_state import FlytekitState
from .recording import Recording, native_threads

_NATIVE_PREFIXES = (
    "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_", "NPY_",
    "MALLOC_", "MIMALLOC_", "JE_", "ARROW_", "GRPC_", "LD_", "GLIBC_", "PYTHON", "LC_", "TF_", "XLA_",
    "CUDA_", "NVIDIA_", "TORCH_", "PYTORCH_", "POLARS_", "RAYON_", "TBB_", "FSSPEC_", "DASK_",
)  # fmt: skip
"""Read by native code when it is loaded, by the interpreter when it starts, or by a walk over all names."""

_NATIVE_NAMES = frozenset({"LANG", "LANGUAGE", "TZ"})
_MADE_ANEW = frozenset({"TMPDIR", "TEMP", "TMP", "AIRFLYTE_ATTEMPT"})
_HARMLESS = frozenset({"PYTHONPATH", "PYTHONUNBUFFERED"})
"""The first is followed in the fork, the second is about the log, which is the server's to decide."""


class Warmth:
    """
    :param is_wanted: import flytekit. Without it, or when flytekit cannot be imported, every attempt is cold.
    """

    def __init__(self, is_wanted: bool) -> None:
        self.recording = Recording()
        self.folders = packages.package_folders()
        self.known: frozenset[str] = frozenset()
        self.tops: frozenset[str] = frozenset()
        self._newcomers = packages.Newcomers()
        self.start_environment = dict(os.environ)
        self.base_path = list(sys.path)
        self.is_stale = False
        self._environment_changes: dict[str, str] = {}
        self._packages = packages.Packages()
        self._first_calls = FirstCalls()
        self._threads = native_threads() if is_wanted else set()
        self._loops: list[Any] = []
        self._renewable: set[str] = set()
        self.flytekit = self._load_flytekit() if is_wanted else None
        if is_wanted:
            self.settle()

    def _load_flytekit(self) -> FlytekitState | None:
        try:
            with self.recording.active():
                state = FlytekitState()
            with (probe := Recording()).active():
                state.renew()
        except (ImportError, AttributeError) as exc:
            self.give_up(repr(exc))
            return None
        if native_threads() - self._threads - self.recording.library_threads:
            self.give_up("importing flytekit and its plugins starts threads")
            return None
        self._renewable = {name for name in probe.reads if name.startswith(("FLYTE", "_FLYTE"))}
        return state

    # ---- in the template ----

    def settle(self) -> None:
        """Take stock after imports, and keep the collector off what forks share."""
        with self.recording.active():
            self._first_calls.make()
        processes.flush_c_streams()
        gc.collect()
        self._loops += event_loops.find()  # those found before are frozen, out of the collector's sight
        gc.freeze()
        self.known = packages.loaded_names()
        self._newcomers = packages.Newcomers()
        self.tops = frozenset(name.partition(".")[0] for name in self.known) - {"__main__"}
        self._environment_changes = {
            name: value for name, value in os.environ.items() if self.start_environment.get(name) != value
        }
        self._packages.remember()
        self._threads |= native_threads()
        self.is_stale = False

    def reason_to_end(self) -> str | None:
        """Why this template must not be forked any more, or None. Asked before each fork."""
        if self.flytekit is None:
            return None
        if self.is_stale:
            self.settle()
        if self._packages.have_changed():
            return "packages"
        if threading.active_count() > 1 or native_threads() - self._threads:
            return "threads"
        return None

    def give_up(self, reason: str) -> None:
        """From here on every attempt is cold: forking is safe when nothing but ``exec`` follows."""
        print(f"attempts of this environment run cold: {reason}", file=sys.stderr)  # noqa: T201
        self.flytekit = None

    # ---- in the fork ----

    def reason_for_cold(self, env: dict[str, str], code_folders: list[str]) -> str | None:
        """Why an attempt must start its own interpreter, or None."""
        if self.flytekit is None:
            return "flytekit is not loaded"
        for name, value in env.items():
            if self.start_environment.get(name) != value and self._is_fixed(name):
                return f"{name} was read before"
        if groups := shadows.entry_point_groups(code_folders):
            return f"user code has entry points of its own for {min(groups)}"
        shadowed = shadows.top_level_names(code_folders) & self.tops
        return f"{min(shadowed)} is shadowed by user code" if shadowed else None

    def _is_fixed(self, name: str) -> bool:
        if name in _MADE_ANEW or name in _HARMLESS or name in self._renewable - {"FLYTE_SDK_RICH_TRACEBACKS"}:
            return False
        return name in self.recording.reads or name in _NATIVE_NAMES or name.startswith(_NATIVE_PREFIXES)

    def renew(self) -> None:
        """Make anew what forks must not share. The environment and TMPDIR are the attempt's already."""
        for name, value in self._environment_changes.items():
            os.environ.setdefault(name, value)  # some libraries do (scikit-learn: KMP_INIT_AT_FORK)
        tempfile.tempdir = None
        self._reseed()
        for loop in self._loops:
            event_loops.renew(loop)
        if self.flytekit is not None:
            self.flytekit.renew()

    def wait_before_inputs(self, wait: Callable[[], None]) -> None:
        """Call it once, when the command asks for its inputs."""
        assert self.flytekit is not None
        self.flytekit.wait_before_inputs(wait)

    def learned(self) -> list[str]:
        """The environment's modules that this attempt had to import by itself."""
        return [] if self.flytekit is None else self._newcomers.names_from(self.folders)

    def _reseed(self) -> None:
        """``random`` itself does it at each fork; numpy's global state would be the same in all of them."""
        for generator in self.recording.randoms:
            generator.seed()
        if "numpy.random" in self.known:
            sys.modules["numpy.random"].seed()
        if "torch" in self.known:
            sys.modules["torch"].seed()
