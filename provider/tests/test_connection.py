"""Every way to write a Flyte connection, and what is wrong with the others."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from flyte_provider._airflow import BaseHook, Connection
from flyte_provider._connection_reader import _warned
from flyte_provider.connection import FlyteConnection, parse_connection
from flyte_provider.exceptions import FlyteConfigurationError


def parse(host: str | None = "h", **fields: Any) -> FlyteConnection:
    extra = fields.pop("extra", None)
    if isinstance(extra, dict):
        extra = json.dumps(extra)
    return parse_connection(Connection(conn_id="c", conn_type="flyte", host=host, extra=extra, **fields))


def refusal(host: str | None = "h", **fields: Any) -> str:
    with pytest.raises(FlyteConfigurationError) as caught:
        parse(host, **fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("host", "port", "insecure", "endpoint", "is_insecure"),
    [
        ("h", None, None, "h:443", False),
        ("h", 81, None, "h:81", False),
        ("h:81", None, None, "h:81", False),
        ("h:81", 81, None, "h:81", False),
        ("h", None, True, "h:80", True),
        ("dns:///h", None, None, "h:443", False),
        ("dns:///h:81", None, None, "h:81", False),
        ("http://h", None, None, "h:80", True),
        ("http://h:30080", None, None, "h:30080", True),
        ("HTTP://h:30080/", None, None, "h:30080", True),
        ("https://h", None, None, "h:443", False),
        ("https://h/", 444, None, "h:444", False),
        ("https://h", None, "False", "h:443", False),
        ("[::1]:81", None, True, "[::1]:81", True),
        ("[::1]", 81, None, "[::1]:81", False),
        (" h ", None, None, "h:443", False),
    ],
)
def test_a_host_is_understood(
    host: str, port: int | None, insecure: Any, endpoint: str, is_insecure: bool
) -> None:
    extra = None if insecure is None else {"insecure": insecure}
    connection = parse(host, port=port, extra=extra)
    assert (connection.endpoint, connection.insecure) == (endpoint, is_insecure)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((text, True) for text in ("True", "true", "1", "yes", "on", 1, True)),
        *((text, False) for text in ("False", "false", "0", "no", "off", "", 0, False)),
    ],
)
def test_a_boolean_may_be_a_text(written: Any, meant: bool) -> None:
    assert parse(extra={"insecure": written}).insecure is meant


def test_a_uri_connection_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "flyte://localhost:30080?insecure=False&project=p&domain=d&timeout=7"
    monkeypatch.setenv("AIRFLOW_CONN_C", uri)
    connection = parse_connection(BaseHook.get_connection("c"))
    assert connection == FlyteConnection(
        "c", "localhost:30080", project="p", domain="d", timeout_seconds=7.0, auth_is_auto=True
    )


def test_extras_of_old_forms_are_understood() -> None:
    extra = {"extra__flyte__project": "p", "extra__flyte__insecure": True}
    connection = parse(extra=extra)
    assert (connection.project, connection.insecure) == ("p", True)


@pytest.mark.parametrize(
    ("host", "fields", "words"),
    [
        (None, {}, "no host. Set Host, e.g. flyte.example.com:443"),
        ("", {}, "no host. Set Host, e.g. flyte.example.com:443"),
        ("h/path", {}, "Host 'h/path' is not understood"),
        ("ftp://h", {}, "Host 'ftp://h' is not understood"),
        ("h:1", {"port": 2}, "Host names port 1 and Port is 2"),
        ("https://h", {"extra": {"insecure": True}}, "Host says https:// but insecure is on"),
        ("h", {"extra": {"insecure": "perhaps"}}, "extra 'insecure' is 'perhaps', expected true or false"),
        ("h", {"extra": {"timeout": "soon"}}, "extra 'timeout' is 'soon', expected a number of seconds"),
        ("h", {"extra": {"timeout": 0}}, "extra 'timeout' is '0', expected a number of seconds above 0"),
        ("h", {"extra": {"auth_mode": "magic"}}, "auth_mode is 'magic', expected one of auto, none"),
        (
            "h",
            {"login": "id", "extra": {"auth_mode": "client_credentials"}},
            "auth_mode client_credentials needs Client ID and Client secret",
        ),
        ("h", {"extra": {"auth_mode": "token"}}, "auth_mode token needs extra 'token'"),
        ("h", {"extra": {"auth_mode": "external_command"}}, "external_command needs extra 'command'"),
        ("h", {"extra": {"command": "a 'b"}}, "extra 'command' is not understood as a command"),
        ("h", {"extra": {"grpc_options": "[1]"}}, "extra 'grpc_options' is '[1]', expected a JSON object"),
        ("h", {"extra": {"grpc_options": "{"}}, "extra 'grpc_options' is '{', expected a JSON object"),
        (
            "h",
            {"extra": {"insecure_skip_verify": True, "ca_cert_file_path": "/x"}},
            "insecure_skip_verify would ignore ca_cert_file_path",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_connections_name(
    host: str | None, fields: dict[str, Any], words: str
) -> None:
    message = refusal(host, **fields)
    assert message.startswith("Flyte connection 'c': ")
    assert words in message


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({}, "none"),
        ({"login": "id"}, "none"),
        ({"login": "id", "password": "s"}, "client_credentials"),
        ({"extra": {"token": "t"}}, "token"),
        ({"extra": {"command": "print-token --now"}}, "external_command"),
        ({"extra": {"auth_mode": "pkce"}}, "pkce"),
        ({"extra": {"auth_mode": "DeviceFlow"}}, "device"),
        ({"extra": {"auth_mode": "external_process", "command": "x"}}, "external_command"),
        ({"login": "id", "password": "s", "extra": {"auth_mode": "ClientSecret"}}, "client_credentials"),
        ({"login": "id", "password": "s", "extra": {"auth_mode": "standard"}}, "client_credentials"),
    ],
)
def test_how_to_authenticate_is_found_out(fields: dict[str, Any], mode: str) -> None:
    assert parse(**fields).auth_mode == mode


def test_extras_are_a_dict() -> None:
    """Newer Airflows store any JSON; 2.11 refuses it."""
    connection = SimpleNamespace(conn_id="c", host="h", port=None, extra_dejson=[1])
    with pytest.raises(FlyteConfigurationError, match="'c': extra is a list, expected a JSON object"):
        parse_connection(connection)


def test_it_is_remembered_that_flyte_may_ask_nobody() -> None:
    given = {"login": "id", "password": "s"}
    assert parse(**given).auth_is_auto
    assert not parse(**given, extra={"auth_mode": "client_credentials"}).auth_is_auto


def test_lists_may_be_texts() -> None:
    extra = {"scopes": "all, offline", "command": "get 'a token'", "proxy_command": '["iap", "x y"]'}
    connection = parse(extra=extra)
    assert connection.scopes == ("all", "offline")
    assert (connection.command, connection.proxy_command) == (("get", "a token"), ("iap", "x y"))
    lists = parse(extra={"scopes": ["all"], "command": ["get", "it"]})
    assert (lists.scopes, lists.command) == (("all",), ("get", "it"))


@pytest.mark.parametrize("options", [{"grpc.x": 1}, '{"grpc.x": 1}'])
def test_channel_arguments_may_be_text(options: Any) -> None:
    assert parse(extra={"grpc_options": options}).grpc_options == (("grpc.x", 1),)


def test_a_connection_can_be_a_key() -> None:
    assert hash(parse(login="id", password="s", extra={"grpc_options": {"a": 1}, "scopes": ["x"]}))


def test_login_and_password_do_not_matter_when_authentication_is_off() -> None:
    assert parse(login="id", password="s", extra={"auth_mode": "none"}).auth_mode == "none"


def test_extras_for_flytekit_warn_once() -> None:
    _warned.clear()
    with pytest.warns(UserWarning, match="'s3_endpoint' matters to create_flyte_remote"):
        parse(extra={"s3_endpoint": "x"})
    parse(extra={"s3_endpoint": "x"})


@pytest.mark.parametrize(
    ("connection", "configured", "base"),
    [
        (FlyteConnection("c", "h:443"), "", "https://h"),
        (FlyteConnection("c", "h:8443"), "", "https://h:8443"),
        (FlyteConnection("c", "localhost:30080", insecure=True), "", "http://localhost:30080"),
        (FlyteConnection("c", "h:80", insecure=True), "", "http://h"),
        (FlyteConnection("c", "[::1]:443"), "", "https://[::1]"),
        (FlyteConnection("c", "h:443"), "https://console/", "https://console"),
        (FlyteConnection("c", "h:443", console_endpoint="https://mine"), "https://console", "https://mine"),
    ],
)
def test_the_console_is_found(connection: FlyteConnection, configured: str, base: str) -> None:
    assert connection.console_base(configured) == base
