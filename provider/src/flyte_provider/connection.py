"""From an Airflow connection to what a gRPC channel needs. Opens nothing.

Every form of host that 0.0.5's users and Flyte's own tools write is understood: ``h``, ``h:p``,
``dns:///h[:p]``, ``http://h[:p]`` (which means insecure), ``https://h[:p]``, and IPv6 addresses in brackets.
How single extras are read is in :mod:`flyte_provider._connection_reader`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flyte_provider._connection_reader import Reader


@dataclass(frozen=True)
class FlyteConnection:
    """A connection, understood. Hashable: two tasks with equal values may share a channel.

    :param conn_id: where it came from, for messages
    :param endpoint: ``host:port`` for gRPC
    :param insecure: plaintext instead of TLS
    :param project: default project, or empty
    :param domain: default domain, or empty
    :param ca_cert_file_path: PEM file to trust instead of the system's authorities
    :param insecure_skip_verify: trust whatever certificate the server shows
    :param authority: name to check the server's certificate against
    :param auth_mode: one of AUTH_MODES, ``auto`` resolved to what the connection has
    :param auth_is_auto: it was ``auto``, so a Flyte that asks nobody who he is gets no client credentials
    :param client_id: the login
    :param client_secret: the password
    :param scopes: OAuth scopes, empty for those that Flyte names
    :param audience: OAuth audience, empty for the one that Flyte names
    :param token: a fixed access token
    :param command: prints an access token
    :param proxy_command: prints a token for a proxy in front of Flyte
    :param http_proxy_url: proxy on the way to the OAuth server
    :param console_endpoint: base address of the console, or empty
    :param timeout_seconds: deadline of one RPC
    :param grpc_options: channel arguments beside ours
    """

    conn_id: str
    endpoint: str
    insecure: bool = False
    project: str = ""
    domain: str = ""
    ca_cert_file_path: str = ""
    insecure_skip_verify: bool = False
    authority: str = ""
    auth_mode: str = "none"
    auth_is_auto: bool = False
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()
    audience: str = ""
    token: str = field(default="", repr=False)
    command: tuple[str, ...] = ()
    proxy_command: tuple[str, ...] = ()
    http_proxy_url: str = ""
    console_endpoint: str = ""
    timeout_seconds: float = 30.0
    grpc_options: tuple[tuple[str, Any], ...] = ()

    def console_base(self, configured: str = "") -> str:
        """Return the console's base address without a trailing slash.

        :param configured: ``[flyte] console_url``, used where the connection names none
        """
        explicit = self.console_endpoint or configured
        if explicit:
            return explicit.rstrip("/")
        scheme, default_port = ("http", "80") if self.insecure else ("https", "443")
        host, _, port = self.endpoint.rpartition(":")
        return f"{scheme}://{host}" if port == default_port else f"{scheme}://{host}:{port}"


def parse_connection(conn: Any) -> FlyteConnection:
    """Understand an Airflow connection of type ``flyte``.

    :param conn: an ``airflow.sdk.Connection`` or, on Airflow 2, an ``airflow.models.Connection``
    :raises FlyteConfigurationError: naming the connection, the field and what it should look like
    """
    reader = Reader(str(conn.conn_id), conn.extra_dejson or {})
    scheme, host, host_port = reader.host(conn.host)
    insecure = reader.boolean("insecure", scheme == "http")
    skips_verify = reader.boolean("insecure_skip_verify", False)
    if scheme == "https" and insecure:
        raise reader.error("Host says https:// but insecure is on; leave one of them out")
    if skips_verify and reader.text("ca_cert_file_path"):
        raise reader.error("insecure_skip_verify would ignore ca_cert_file_path; leave one of them out")
    reader.warn_about_ignored()
    return FlyteConnection(
        conn_id=reader.conn_id,
        endpoint=f"{host}:{reader.port(host_port, conn.port) or (80 if insecure else 443)}",
        insecure=insecure,
        project=reader.text("project"),
        domain=reader.text("domain"),
        ca_cert_file_path=reader.text("ca_cert_file_path"),
        insecure_skip_verify=skips_verify and not insecure,
        authority=reader.text("authority"),
        auth_mode=reader.auth_mode(bool(conn.login), bool(conn.password)),
        auth_is_auto=reader.wanted_auth_mode() == "auto",
        client_id=str(conn.login or ""),
        client_secret=str(conn.password or ""),
        scopes=reader.words("scopes"),
        audience=reader.text("audience"),
        token=reader.text("token"),
        command=reader.command("command"),
        proxy_command=reader.command("proxy_command"),
        http_proxy_url=reader.text("http_proxy_url"),
        console_endpoint=reader.text("console_endpoint"),
        timeout_seconds=reader.seconds("timeout", 30.0),
        grpc_options=reader.options("grpc_options"),
    )
