"""Brings values of every type that the examples use into a form in which equal ones are equal."""

from __future__ import annotations

import dataclasses
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from flytekit import StructuredDataset
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from pydantic import BaseModel


def comparable(value: Any) -> Any:
    """The content of files, the rows of tables, the fields of objects."""
    if isinstance(value, FlyteFile):
        return Path(value.download()).read_text()
    if isinstance(value, FlyteDirectory):
        folder = Path(value.download())
        return {path.name: path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}
    if isinstance(value, StructuredDataset):
        return comparable(value.open(pd.DataFrame).all())
    if isinstance(value, pd.DataFrame):
        return value.to_dict(orient="list")
    if isinstance(value, np.ndarray):
        return value.tolist()
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if dataclasses.is_dataclass(value):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(each) for each in value]
    return value


def local_outputs(workflow: Any, result: Any) -> dict[str, Any]:
    """What a workflow returned when it was called, by the names of its outputs."""
    names = list(workflow.python_interface.outputs)
    values = [result] if len(names) == 1 else list(result)
    return {name: comparable(value) for name, value in zip(names, values, strict=True)}


def remote_outputs(workflow: Any, outputs: Any) -> dict[str, Any]:
    """What an execution of it returned, in the types of the code."""
    types = workflow.python_interface.outputs
    return {name: comparable(outputs.get(name, as_type=kind)) for name, kind in types.items()}
