"""Start of a template process, run by path: ``python main.py CONFIG LISTENER_FD``.

Loads the files beside it as a package with a private name: user code sees neither them nor their folder.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import NoReturn

PACKAGE = "_flyte_sandbox_template"


def load_package() -> None:
    folder = os.path.dirname(os.path.abspath(__file__))
    del sys.path[0]  # this folder: Python puts a script's folder first
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load the template's files in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def main(config_path: str, listener_fd: int) -> NoReturn:
    """Serve; in a forked child ``serve`` returns its job, so that user code runs on a short stack."""
    load_package()
    child = importlib.import_module(PACKAGE + ".child")
    serving = importlib.import_module(PACKAGE + ".serving")
    forked = serving.serve(config_path, listener_fd)
    if forked is not None:
        child.run(forked)
    sys.stdout.flush()
    os._exit(0)  # nothing to tear down, and exit handlers of the imported libraries are the tasks' own


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
