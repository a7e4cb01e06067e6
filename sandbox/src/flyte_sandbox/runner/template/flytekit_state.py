"""What flytekit keeps from its import on, made anew in each fork: loggers, temporary folders, the context.

Everything here touches flytekit's own module state, so it first looks whether that is still as known; a
flytekit that looks otherwise is run cold.
"""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
from collections.abc import Callable
from typing import Any

ENTRYPOINT = "flytekit.bin.entrypoint"
_LOGGERS = ("flytekit", "user_space", "developer")


class FlytekitState:
    """:raises AttributeError: this flytekit keeps its state elsewhere.
    :raises ImportError: there is no flytekit.
    """

    def __init__(self) -> None:
        importlib.import_module(ENTRYPOINT)
        self._loggers = importlib.import_module("flytekit.loggers")
        self._persistence: Any = importlib.import_module("flytekit.core.data_persistence")
        self._context: Any = importlib.import_module("flytekit.core.context_manager")
        self._configuration = importlib.import_module("flytekit.configuration")
        self._initialize_loggers = self._loggers.initialize_global_loggers
        self._initialize_context = self._context.FlyteContextManager.initialize
        self._sandbox_path: str = self._configuration.Config.local_sandbox_path
        self._defaults: tuple[Any, ...] = self._configuration.Config.__init__.__defaults__
        if self._sandbox_path not in self._defaults or not hasattr(self._persistence, "flyte_tmp_dir"):
            raise AttributeError("flytekit keeps its temporary folders elsewhere")
        if not callable(self._persistence.FileAccessProvider.get_data):
            raise AttributeError("flytekit fetches inputs in another way")

    def renew(self) -> None:
        """As if flytekit had just been imported, with the environment of this process."""
        self._renew_loggers()
        self._renew_configuration()
        self._renew_file_access()
        self._initialize_context()

    def wait_before_inputs(self, wait: Callable[[], None]) -> None:
        """Call it once, when the command fetches its first file.

        Those are the inputs, after its code was loaded. Code that fetches a file while it is being imported
        waits there.
        """
        provider = self._persistence.FileAccessProvider
        original = provider.get_data

        def get_data(*args: Any, **kwargs: Any) -> Any:
            provider.get_data = original
            self._start_fetching()
            wait()
            return original(*args, **kwargs)

        provider.get_data = get_data

    def _start_fetching(self) -> None:
        """The thread that fetches files is started by the first one; a flytekit without it needs none."""
        if hasattr(self._persistence, "loop_manager"):
            self._persistence.loop_manager.run_sync(_fetch_nothing)

    def _renew_loggers(self) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).handlers.clear()
        self._initialize_loggers()

    def _renew_configuration(self) -> None:
        """``Config.local_sandbox_path`` is a folder made once, as the default of a dataclass field."""
        config, path = self._configuration.Config, tempfile.mkdtemp(prefix="flyte")
        config.local_sandbox_path = path
        config.__dataclass_fields__["local_sandbox_path"].default = path
        config.__init__.__defaults__ = tuple(
            path if value == self._sandbox_path else value for value in self._defaults
        )

    def _renew_file_access(self) -> None:
        folder = tempfile.mkdtemp(prefix="flyte-")
        provider = self._persistence.FileAccessProvider(
            local_sandbox_dir=os.path.join(folder, "sandbox"),
            raw_output_prefix=os.path.join(folder, "raw"),
            data_config=self._configuration.DataConfig.auto(),
        )
        self._persistence.flyte_tmp_dir = folder
        self._persistence.default_local_file_access_provider = provider
        self._context.default_local_file_access_provider = provider


async def _fetch_nothing() -> None:
    """What the thread is given to do first."""
