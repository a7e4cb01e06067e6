"""What Airflow learns of this provider through its entry point. Imported by every Airflow process: keep it
light.
"""

from __future__ import annotations

from typing import Any

from flyte_provider import _connection_fields, _settings

# Airflow refuses to start when this differs from the distribution's name.
DISTRIBUTION = "airflow-provider-flyte"
INTEGRATION = "Flyte"
VERSION_ADDED = "1.0.0"


def get_provider_info() -> dict[str, Any]:
    """Return the provider information (schema: airflow/provider_info.schema.json)."""
    return {
        "package-name": DISTRIBUTION,
        "name": "Flyte",
        "description": "Launch, await, cancel and link `Flyte <https://flyte.org>`__ executions.",
        "integrations": [
            {"integration-name": INTEGRATION, "external-doc-url": "https://flyte.org", "tags": ["service"]}
        ],
        "operators": _modules("flyte_provider.operators.flyte"),
        "sensors": _modules("flyte_provider.sensors.flyte"),
        "hooks": _modules("flyte_provider.hooks.flyte"),
        "triggers": _modules("flyte_provider.triggers.flyte"),
        "connection-types": [_connection_type()],
        "extra-links": ["flyte_provider.operators.flyte.FlyteConsoleLink"],
        "task-decorators": [{"name": "flyte", "class-name": "flyte_provider.decorators.flyte.flyte_task"}],
        "notifications": ["flyte_provider.notifications.flyte.FlyteNotifier"],
        "asset-uris": [_asset_uri()],
        "plugins": [{"name": "flyte", "plugin-class": "flyte_provider.plugins.flyte.FlytePlugin"}],
        "config": {_settings.SECTION: _config_section()},
    }


def _asset_uri() -> dict[str, Any]:
    module = "flyte_provider.assets.flyte"
    return {
        "schemes": ["flyte"],
        "handler": f"{module}.sanitize_uri",
        "factory": f"{module}.create_asset",
        "to_openlineage_converter": f"{module}.convert_asset_to_openlineage",
    }


def _modules(module: str) -> list[dict[str, Any]]:
    return [{"integration-name": INTEGRATION, "python-modules": [module]}]


def _connection_type() -> dict[str, Any]:
    behaviour = _connection_fields.ui_field_behaviour()
    return {
        "connection-type": _connection_fields.CONN_TYPE,
        "hook-class-name": "flyte_provider.hooks.flyte.FlyteHook",
        "hook-name": _connection_fields.HOOK_NAME,
        "conn-fields": _connection_fields.conn_fields(),
        "ui-field-behaviour": {key.replace("_", "-"): value for key, value in behaviour.items()},
    }


def _config_section() -> dict[str, Any]:
    return {
        "description": "Defaults of the Flyte provider.",
        "options": {name: _config_option(option) for name, option in _settings.OPTIONS.items()},
    }


def _config_option(option: _settings.Option) -> dict[str, Any]:
    return {
        "description": option.description + "\n",
        "version_added": VERSION_ADDED,
        "type": option.type,
        "example": option.example,
        "default": option.default,
    }
