"""Watches imports for what a fork has to know: variables read, generators seeded from nothing, threads.

Only while something is being imported into a template; nothing stays patched.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import random
import weakref
from collections.abc import Iterator
from typing import Any


class Recording:
    """
    :ivar reads: names of environment variables that imported code looked at.
    :ivar randoms: generators that took their state from the operating system, as ``random.Random()`` does.
    :ivar library_threads: native threads that appeared while a shared library was being loaded: pools
        whose makers expect forks (OpenBLAS, jemalloc), in contrast to those that a computation started.
    """

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.randoms: weakref.WeakSet[random.Random] = weakref.WeakSet()
        self.library_threads: set[str] = set()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        with self._watch_environment(), self._watch_seeds(), self._watch_libraries():
            yield

    @contextlib.contextmanager
    def _watch_environment(self) -> Iterator[None]:
        kind = type(os.environ)
        original = kind.__getitem__

        def getitem(environ: Any, name: Any) -> Any:
            self.reads.add(name if isinstance(name, str) else os.fsdecode(name))
            return original(environ, name)

        with _replaced(kind, "__getitem__", getitem):
            yield

    @contextlib.contextmanager
    def _watch_seeds(self) -> Iterator[None]:
        original = random.Random.seed

        def seed(generator: random.Random, a: Any = None, version: int = 2) -> None:
            original(generator, a, version)
            if a is None:
                self.randoms.add(generator)
            else:
                self.randoms.discard(generator)

        with _replaced(random.Random, "seed", seed):
            yield

    @contextlib.contextmanager
    def _watch_libraries(self) -> Iterator[None]:
        loader = importlib.machinery.ExtensionFileLoader
        with (
            _replaced(loader, "create_module", self._counted(loader.create_module)),
            _replaced(loader, "exec_module", self._counted(loader.exec_module)),
        ):
            yield

    def _counted(self, original: Any) -> Any:
        def load(*args: Any) -> Any:
            before = native_threads()
            try:
                return original(*args)
            finally:
                self.library_threads |= native_threads() - before

        return load


def native_threads() -> set[str]:
    """:return: the kernel's ids of this process's threads, those that Python does not know of included."""
    return set(os.listdir("/proc/self/task"))


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
