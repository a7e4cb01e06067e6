"""What a version consists of: the names that compiling its sources gave.

The names follow from the version, so they may be kept in a file and save compiling again. Whether they are
registered is another question, and only the server answers it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Literal

Kind = Literal["task", "workflow", "launch_plan"]


@dataclasses.dataclass(frozen=True, order=True)
class Entity:
    """A registered thing, without project, domain and version, which are one for all."""

    kind: Kind
    name: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """A version and its entities, in the order in which they are registered."""

    version: str
    entities: tuple[Entity, ...]

    @property
    def launch_plans(self) -> frozenset[str]:
        """The names of the launch plans."""
        return frozenset(entity.name for entity in self.entities if entity.kind == "launch_plan")


def load_plan(path: Path, version: str) -> Plan | None:
    """The plan of this version, or None when the file holds none, another one or nothing readable."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        entities = tuple(Entity(**entity) for entity in record["entities"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Plan(version, entities) if record["version"] == version else None


def save_plan(path: Path, plan: Plan) -> None:
    """Replace the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(dataclasses.asdict(plan), indent=1), encoding="utf-8")
    temporary.replace(path)
