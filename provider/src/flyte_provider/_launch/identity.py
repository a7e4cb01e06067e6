"""Who launches: the task instance's coordinates, the names and annotations that follow from them.

A name depends on nothing but the coordinates, so a try that knows nothing of the one before can ask Flyte for
it. The annotations say whose an execution is; Flyte keeps them with it and returns them, so no storage of
Airflow's is needed. Plain values only: no gRPC.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

PREFIX = "airflow.apache.org/"
IDENTITY = f"{PREFIX}identity"
CLEAR_NUMBER = f"{PREFIX}clear_number"
RUN_KEY = f"{PREFIX}run_key"

#: Clocks of Airflow and Flyte may differ by this much.
CLOCK_DIFFERENCE = timedelta(minutes=5)

# Flyte's limit for labels of one execution (flyteadmin), and Kubernetes' for a label's value.
MAX_LABELS = 16
_MAX_LABEL_VALUE = 63


@dataclass(frozen=True)
class Coordinates:
    """One try of one task instance.

    :param namespace: ``[flyte] name_namespace``: tells deployments apart that share a Flyte project
    :param region_id: Airflow 3.4's loop position, empty before
    :param try_number: counts from 1 and goes on after a clear
    :param epoch: the tries that were before the last clear; ``epoch + 1`` is the first try after it
    :param clear_number: how often the Dag run was cleared
    :param run_started_at: when the Dag run started (aware), None where Airflow does not say
    :param run_key: what a Dag run has from its creation on, whatever becomes of it; a manual run that was
        deleted and made again under the same id has another one; empty where Airflow does not say
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    region_id: str = ""
    namespace: str = ""
    try_number: int = 1
    epoch: int = 0
    clear_number: int = 0
    run_started_at: datetime | None = None
    run_key: str = ""

    @property
    def is_first_try(self) -> bool:
        """Whether no try since the last clear came before."""
        return self.try_number <= self.epoch + 1

    def __str__(self) -> str:
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}.{self.task_id}{index} of run {self.run_id}"


def execution_name(coordinates: Coordinates, try_number: int, salt: str = "") -> str:
    """Return the name of a try's execution: 20 characters that every Flyte backend accepts.

    :param salt: makes a second name where the first belongs to an older Dag run of the same id
    """
    # A list, as JSON: 0.0.5 joined without separators, so that "ab"+"c" was "a"+"bc".
    parts: list[Any] = [coordinates.namespace, coordinates.dag_id, coordinates.run_id, coordinates.task_id]
    parts += [coordinates.map_index, coordinates.region_id, try_number]
    return "a" + _digest([*parts, salt] if salt else parts)[:19]


def notification_name(coordinates: Coordinates, target: str) -> str:
    """Return the name of what a callback launches: one for each try, or for each Dag run.

    :param target: what is launched, so that two callbacks of one task do not meet
    """
    who = [coordinates.namespace, coordinates.dag_id, coordinates.run_id, coordinates.task_id]
    which = [coordinates.map_index, coordinates.try_number, salt_of_run(coordinates)]
    return "a" + _digest(["notification", *who, *which, target])[:19]


def salt_of_run(coordinates: Coordinates) -> str:
    """Return what tells this Dag run from an older one of the same id, empty when Airflow does not say."""
    started_at = coordinates.run_started_at
    return started_at.astimezone(timezone.utc).isoformat() if started_at else ""


def identity(coordinates: Coordinates, entity: str, inputs: Mapping[str, Any]) -> str:
    """Return a digest of who launches what with which inputs, the same in every try.

    :param entity: kind, project, domain, name and wanted version in one text
    """
    who = [coordinates.namespace, coordinates.dag_id, coordinates.run_id, coordinates.task_id]
    return _digest([*who, coordinates.map_index, coordinates.region_id, entity, dict(inputs)])


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def make_annotations(coordinates: Coordinates, identity_digest: str) -> dict[str, str]:
    """Return the annotations that every execution of ours carries."""
    values: dict[str, Any] = {
        "dag_id": coordinates.dag_id,
        "run_id": coordinates.run_id,
        "task_id": coordinates.task_id,
        "map_index": coordinates.map_index,
        "try_number": coordinates.try_number,
        "clear_number": coordinates.clear_number,
        "identity": identity_digest,
    }
    if coordinates.namespace:
        values["namespace"] = coordinates.namespace
    if coordinates.run_key:
        values["run_key"] = coordinates.run_key
    return {f"{PREFIX}{key}": str(value) for key, value in values.items()}


def make_labels(coordinates: Coordinates, own: Mapping[str, str]) -> dict[str, str]:
    """Return the user's labels and, where there is room, ours to search by.

    :param own: the user's; they win, and with 16 of them there is no room
    """
    ours = {
        f"{PREFIX}{key}": _label_value(value)
        for key, value in (
            ("dag_id", coordinates.dag_id),
            ("run_id", coordinates.run_id),
            ("task_id", coordinates.task_id),
        )
    }
    merged = {**ours, **own}
    return merged if len(merged) <= MAX_LABELS else dict(own)


def _label_value(text: str) -> str:
    """Return the text as Kubernetes takes it: letters, digits, ``-_.``, a letter or digit at both ends."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text)[:_MAX_LABEL_VALUE]
    return safe.strip("._-")


def belongs_to_task(execution_annotations: Mapping[str, str], coordinates: Coordinates) -> bool:
    """Whether the annotations name this task instance, whichever try it was."""
    wanted = make_annotations(coordinates, "")
    keys = ("dag_id", "run_id", "task_id", "map_index")
    same = all(execution_annotations.get(PREFIX + key) == wanted[PREFIX + key] for key in keys)
    return same and execution_annotations.get(f"{PREFIX}namespace", "") == coordinates.namespace


def is_of_another_run(execution_annotations: Mapping[str, str], coordinates: Coordinates) -> bool:
    """Whether the annotations name another Dag run than ours, though perhaps one of the same id."""
    theirs = execution_annotations.get(RUN_KEY, "")
    return bool(theirs and coordinates.run_key and theirs != coordinates.run_key)


def belongs_to_run(execution_annotations: Mapping[str, str], coordinates: Coordinates) -> bool:
    """Whether a task of this Dag run launched the execution."""
    return (
        not is_of_another_run(execution_annotations, coordinates)
        and execution_annotations.get(f"{PREFIX}dag_id") == coordinates.dag_id
        and execution_annotations.get(f"{PREFIX}run_id") == coordinates.run_id
        and execution_annotations.get(f"{PREFIX}namespace", "") == coordinates.namespace
    )
