"""What Airflow learns through the entry point, read with Airflow's own schema and provider manager."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

import flyte_provider
from flyte_provider import _airflow_private, _connection_fields, _settings
from flyte_provider._provider_info import get_provider_info
from flyte_provider.hooks.flyte import FlyteHook


def load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return EntryPoint("x", f"{module}:{name}", "x").load()


def test_it_keeps_to_airflows_schema() -> None:
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_old_entry_point_gives_the_same() -> None:
    assert flyte_provider.get_provider_info() == get_provider_info()


def test_everything_it_names_exists() -> None:
    info = get_provider_info()
    assert load(info["connection-types"][0]["hook-class-name"]) is FlyteHook
    assert [load(path).name for path in info["extra-links"]] == ["Flyte console"]
    for part in ("operators", "sensors", "hooks", "triggers"):
        for module in info[part][0]["python-modules"]:
            __import__(module)
    asset = info["asset-uris"][0]
    named = [
        info["task-decorators"][0]["class-name"],
        info["plugins"][0]["plugin-class"],
        *info["notifications"],
    ]
    for path in [*named, *(asset[key] for key in ("handler", "factory", "to_openlineage_converter"))]:
        assert callable(load(path))


def test_both_forms_of_the_connection_form_have_the_same_fields() -> None:
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    assert fields.keys() == _connection_fields.FIELDS.keys()
    if not _airflow_private.is_airflow_3():
        assert FlyteHook.get_connection_form_widgets().keys() == fields.keys()


def test_the_behaviour_keeps_to_airflows_schema() -> None:
    schema = json.loads(files("airflow").joinpath("customized_form_field_behaviours.schema.json").read_text())
    behaviour = FlyteHook.get_ui_field_behaviour()
    jsonschema.validate(behaviour, schema)
    shown = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
    assert shown == {key.replace("_", "-"): value for key, value in behaviour.items()}


def test_settings_have_the_defaults_that_they_declare() -> None:
    assert _settings.get_bool("wait_for_completion") is True
    assert _settings.get_float("poll_interval") == 5.0
    assert _settings.get_str("name_namespace") == ""
    declared = get_provider_info()["config"]["flyte"]["options"]
    assert {name: option["default"] for name, option in declared.items()} == {
        name: option.default for name, option in _settings.OPTIONS.items()
    }


def test_a_setting_is_read_from_airflows_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__FLYTE__POLL_INTERVAL", "7.5")
    monkeypatch.setenv("AIRFLOW__FLYTE__WAIT_FOR_COMPLETION", "false")
    monkeypatch.setenv("AIRFLOW__FLYTE__NAME_NAMESPACE", "team-a")
    assert _settings.get_float("poll_interval") == 7.5
    assert _settings.get_bool("wait_for_completion") is False
    assert _settings.get_str("name_namespace") == "team-a"
