"""provider.yaml and the page of parameters follow from the code."""

from __future__ import annotations

import inspect
import json
from importlib.resources import files

import airflow
import pytest
import yaml

from flyte_provider._provider_info import get_provider_info

from . import generated

is_written_for_3_3 = pytest.mark.skipif(
    airflow.__version__ < "3.3", reason="older schemas know less, and have no retry policies to describe"
)


def test_the_provider_yaml_is_fresh() -> None:
    assert generated.YAML.read_text() == generated.provider_yaml()


@is_written_for_3_3
def test_the_provider_yaml_is_as_airflow_wants_it() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("airflow").joinpath("provider.yaml.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(generated.YAML.read_text()), schema)


def test_the_runtime_information_is_as_airflow_wants_it() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


@is_written_for_3_3
def test_the_page_of_parameters_is_fresh() -> None:
    assert generated.PAGE.read_text() == generated.parameters_page()


@pytest.mark.parametrize("path", generated.CLASSES)
def test_every_parameter_is_described(path: str) -> None:
    import importlib

    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = {
        key for key, value in inspect.signature(found).parameters.items() if value.kind not in kinds
    }
    left_out = {"extra", "project", "domain", "launchplan"} if name == "create_asset" else set()
    assert parameters - left_out - generated.described_parameters(found).keys() == set()


def test_experimental_parameters_exist() -> None:
    page = generated.parameters_page()
    for names in generated.EXPERIMENTAL.values():
        for name in [] if names == "all" else names:
            assert f"| `{name}` |" in page
