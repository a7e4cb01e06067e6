"""The fields of the ``flyte`` connection type: one table behind the form of every Airflow version.

Airflow 3.2 and newer read ``conn-fields`` from the provider information, without importing the hook; older
ones call the hook's form methods. Both are made from :data:`FIELDS`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

CONN_TYPE = "flyte"
HOOK_NAME = "Flyte"
AUTH_MODES = ("auto", "none", "client_credentials", "device", "external_command", "pkce", "token")


class Field(NamedTuple):
    """One extra of the connection; ``type`` is JSON schema's word."""

    label: str
    description: str
    type: str = "string"
    default: Any = None
    enum: tuple[str, ...] = ()


FIELDS: dict[str, Field] = {
    "project": Field("Project", "Flyte project, where a task names none"),
    "domain": Field("Domain", "Flyte domain, where a task names none"),
    "insecure": Field("Insecure", "Connect without TLS", "boolean", False),
    "ca_cert_file_path": Field(
        "CA certificate file", "PEM file to trust instead of the system's authorities"
    ),
    "authority": Field(
        "Authority", "Name that the server's certificate is checked against, if not the host's"
    ),
    "auth_mode": Field("Authentication", "How to authenticate; auto finds out", "string", "auto", AUTH_MODES),
    "console_endpoint": Field(
        "Console endpoint", "Base address of the Flyte console for links, if not the host's"
    ),
    "timeout": Field("RPC timeout", "Seconds that one call may take", "integer", 30),
}

HIDDEN_FIELDS = ["schema"]
RELABELING = {"login": "Client ID", "password": "Client secret"}
PLACEHOLDERS = {
    "host": "flyte.example.com, dns:///flyte.example.com or http://localhost:30080",
    "port": "443",
    "login": "only with client credentials",
}


def conn_fields() -> dict[str, Any]:
    """Return the fields as ``conn-fields`` of the provider information."""
    return {name: _conn_field(field) for name, field in FIELDS.items()}


def _conn_field(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": [field.type, "null"]}
    if field.default is not None:
        schema["default"] = field.default
    if field.enum:
        schema["enum"] = list(field.enum)
    return {"label": field.label, "description": field.description, "schema": schema}


def ui_field_behaviour() -> dict[str, Any]:
    """Return the behaviour of the standard fields with the keys of the hook's method."""
    return {"hidden_fields": HIDDEN_FIELDS, "relabeling": RELABELING, "placeholders": PLACEHOLDERS}


def form_widgets() -> dict[str, Any]:
    """Return the fields as wtforms widgets, for Airflow before 3.2."""
    # Airflow before 3.2 brings these; newer ones do not call this.
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget  # type: ignore[import-not-found]
    from wtforms import BooleanField, IntegerField, StringField  # type: ignore[import-untyped]
    from wtforms.validators import Optional  # type: ignore[import-untyped]

    kinds = {"boolean": BooleanField, "integer": IntegerField, "string": StringField}
    widgets: dict[str, Any] = {}
    for name, field in FIELDS.items():
        options: dict[str, Any] = {"description": field.description, "default": field.default}
        if field.type != "boolean":
            options |= {"widget": BS3TextFieldWidget(), "validators": [Optional()]}
        widgets[name] = kinds[field.type](field.label, **options)
    return widgets
