"""What libraries work out on their first call and keep, worked out in the template so that every fork has it.

Only what follows from the installed packages alone, as their modules do: a template ends when those change.
What these calls read of the environment is recorded like the reads of an import.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class FirstCalls:
    """Made once for each module, when it has been loaded."""

    def __init__(self) -> None:
        self._waiting = dict(_CALLS)

    def make(self) -> None:
        for name in [name for name in self._waiting if name in sys.modules]:
            call = self._waiting.pop(name)
            # A release that looks otherwise inside makes its first call in each fork, as before.
            with contextlib.suppress(ImportError, AttributeError, TypeError):
                call(sys.modules[name])


def _docstring_patterns(docstring: Any) -> None:
    """flytekit parses the docstring of each task; compiling its patterns takes a fifth of a small one."""
    docstring.Docstring(docstring="A text.")


def _json_schema_writer(builder: Any) -> None:
    """flytekit writes a JSON schema for each dataclass; making the writer takes a third of loading a module.

    mashumaro makes it out of its own classes, whatever the dataclass is.
    """
    builder.build_json_schema(_Sample).to_dict()


@dataclass
class _Sample:
    number: int = 0
    texts: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def _dataframe_plugins(plugins: Any) -> None:
    """scikit-learn asks narwhals what a table is, which looks for plugins among all packages first."""
    plugins._discover_entrypoints()


_CALLS: Mapping[str, Callable[[Any], None]] = {
    "flytekit.core.docstring": _docstring_patterns,
    "mashumaro.jsonschema.builder": _json_schema_writer,
    "narwhals.plugins": _dataframe_plugins,
}
