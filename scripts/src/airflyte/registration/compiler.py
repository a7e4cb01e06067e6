"""From source files to what a Flyte server is told: imports the workflows, and serialises what they define.

Needs flytekit. Nothing is sent from here.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflyte.errors import AirflyteError
from airflyte.registration.plan import Entity, Kind

if TYPE_CHECKING:
    from flytekit.configuration import SerializationSettings

Spec = Any
"""A ``TaskSpec``, ``WorkflowSpec`` or ``LaunchPlan`` of ``flytekit.models``."""


def import_modules(root: Path, modules: Iterable[str], settings: SerializationSettings) -> None:
    """Import user code; flytekit collects every task, workflow and launch plan that this defines.

    :raises AirflyteError: naming the first file that fails and why.
    """
    sys.path.insert(0, str(root))
    with _serializing(settings):
        for name in modules:
            _import(root, name)


def serialize(root: Path, settings: SerializationSettings) -> dict[Entity, Spec]:
    """Everything that the imported modules define, dependencies before what needs them.

    :param settings: with the address of the archive.
    :raises AirflyteError: naming the file, where it is known, in which something cannot be compiled.
    """
    from flytekit.tools.serialize_helpers import get_registrable_entities

    with _serializing(settings) as context:
        try:
            specs = get_registrable_entities(context)
        except Exception as error:
            raise AirflyteError(f"{_describe(error, root)} Nothing was registered.") from error
    return {_identify(spec): spec for spec in specs}


@contextlib.contextmanager
def _serializing(settings: SerializationSettings) -> Iterator[Any]:
    from flytekit.core.context_manager import FlyteContextManager

    builder = FlyteContextManager.current_context().with_serialization_settings(settings)
    with FlyteContextManager.with_context(builder) as context:
        yield context


def _import(root: Path, name: str) -> None:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # user code may raise anything, and a script may call exit()
        raise AirflyteError(f"{_describe(error, root, name)} Nothing was registered.") from error
    found = Path(module.__file__ or "").resolve()
    if root.resolve() not in found.parents:
        raise AirflyteError(
            f"{root.name}/{name.replace('.', '/')} has the name of an installed module, and Python imports "
            f"that one ({found}); rename yours. Nothing was registered."
        )


def _describe(error: BaseException, root: Path, name: str = "") -> str:
    """One sentence: the innermost line of user code that the error came through, and what it said."""
    path, line = _find_place(error, root)
    place = f"{path}, line {line}," if path else (f"Module {name}" if name else "A workflow")
    text = " ".join(str(getattr(error, "msg", None) or error).split())
    return (
        f"{place} cannot be {'imported' if name else 'compiled'}: {type(error).__name__}: {text.rstrip('.')}."
    )


def _find_place(error: BaseException, root: Path) -> tuple[str | None, int | None]:
    """The file (from the source root's name on) and the line, or two times None."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    for filename, line in reversed(places):
        with contextlib.suppress(ValueError):
            return f"{root.name}/{Path(filename).resolve().relative_to(root.resolve())}", line
    return None, None


def _identify(spec: Spec) -> Entity:
    from flytekit.models.core.identifier import ResourceType

    kinds: dict[int, Kind] = {
        ResourceType.TASK: "task",
        ResourceType.WORKFLOW: "workflow",
        ResourceType.LAUNCH_PLAN: "launch_plan",
    }
    identifier = spec.id if hasattr(spec, "id") else spec.template.id
    return Entity(kinds[identifier.resource_type], identifier.name)
