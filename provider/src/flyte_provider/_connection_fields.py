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
    """One extra of the connection; ``type`` and ``format`` are JSON schema's words."""

    label: str
    description: str
    type: str = "string"
    default: Any = None
    enum: tuple[str, ...] = ()
    format: str = ""


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
    "insecure_skip_verify": Field(
        "Skip verification",
        "Trust whatever certificate the server shows. Anybody in between can read and change everything",
        "boolean",
        False,
    ),
    "auth_mode": Field("Authentication", "How to authenticate; auto finds out", "string", "auto", AUTH_MODES),
    "scopes": Field("Scopes", "OAuth scopes, separated by blanks or commas, if not those that Flyte names"),
    "audience": Field("Audience", "OAuth audience, if not the one that Flyte names"),
    "token": Field("Token", "A fixed access token, with authentication token", format="password"),
    "command": Field("Command", "Prints an access token, with authentication external_command"),
    "proxy_command": Field(
        "Proxy command", "Prints a token for the proxy in front of Flyte (header proxy-authorization)"
    ),
    "http_proxy_url": Field("HTTP proxy", "Proxy on the way to the OAuth server"),
    "console_endpoint": Field(
        "Console endpoint", "Base address of the Flyte console for links, if not the host's"
    ),
    "timeout": Field("RPC timeout", "Seconds that one call may take", "integer", 30),
    "grpc_options": Field(
        "gRPC options", 'JSON of channel arguments, as in {"grpc.http_proxy": "http://h:1"}'
    ),
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
    if field.format:
        schema["format"] = field.format
    return {"label": field.label, "description": field.description, "schema": schema}


def ui_field_behaviour() -> dict[str, Any]:
    """Return the behaviour of the standard fields with the keys of the hook's method."""
    return {"hidden_fields": HIDDEN_FIELDS, "relabeling": RELABELING, "placeholders": PLACEHOLDERS}


def form_widgets() -> dict[str, Any]:
    """Return the fields as wtforms widgets, for Airflow before 3.2."""
    # Airflow before 3.2 brings these; newer ones do not call this.
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found]
        BS3PasswordFieldWidget,
        BS3TextFieldWidget,
    )
    from wtforms import (  # type: ignore[import-untyped]
        BooleanField,
        IntegerField,
        PasswordField,
        StringField,
    )
    from wtforms.validators import Optional  # type: ignore[import-untyped]

    kinds = {"boolean": BooleanField, "integer": IntegerField, "string": StringField}
    widgets: dict[str, Any] = {}
    for name, field in FIELDS.items():
        options: dict[str, Any] = {"description": field.description, "default": field.default}
        is_secret = field.format == "password"
        if field.type != "boolean":
            widget = BS3PasswordFieldWidget() if is_secret else BS3TextFieldWidget()
            options |= {"widget": widget, "validators": [Optional()]}
        widgets[name] = (PasswordField if is_secret else kinds[field.type])(field.label, **options)
    return widgets
