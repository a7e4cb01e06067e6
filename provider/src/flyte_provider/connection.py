"""From an Airflow connection to what a gRPC channel needs. Reads extras key by key; opens nothing.

Every form of host that 0.0.5's users and Flyte's own tools write is understood: ``h``, ``h:p``,
``dns:///h[:p]``, ``http://h[:p]`` (which means insecure), ``https://h[:p]``, and IPv6 addresses in brackets.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

from flyte_provider._connection_fields import AUTH_MODES, CONN_TYPE
from flyte_provider.exceptions import FlyteConfigurationError

_HOST = re.compile(
    r"^(?:(?P<scheme>dns|https?):/{2,3})?(?P<host>\[[^\]]+\]|[^/:\[\]]+)(?::(?P<port>\d+))?/?$", re.IGNORECASE
)
_TRUE = {"true", "t", "yes", "y", "on", "1"}
_FALSE = {"false", "f", "no", "n", "off", "0", ""}

#: Extras that 0.0.5 handed to flytekit. They reach :meth:`FlyteHook.create_flyte_remote`; launching needs
#: none.
FLYTEKIT_ONLY_EXTRAS = frozenset(
    {
        "env_prefix", "default_dir", "file_prefix", "statsd_host", "statsd_port", "statsd_disabled",
        "statsd_disabled_tags", "s3_enable_debug", "s3_endpoint", "s3_retries", "s3_backoff",
        "s3_access_key_id", "s3_secret_access_key", "gsutil_parallelism", "local_sandbox_path",
    }
)  # fmt: skip
_warned: set[str] = set()


@dataclass(frozen=True)
class FlyteConnection:
    """A connection, understood. Hashable: two tasks with equal values may share a channel.

    :param conn_id: where it came from, for messages
    :param endpoint: ``host:port`` for gRPC
    :param insecure: plaintext instead of TLS
    :param project: default project, or empty
    :param domain: default domain, or empty
    :param ca_cert_file_path: PEM file to trust instead of the system's authorities
    :param authority: name to check the server's certificate against
    :param auth_mode: one of AUTH_MODES, ``auto`` resolved
    :param client_id: the login, for messages
    :param console_endpoint: base address of the console, or empty
    :param timeout_seconds: deadline of one RPC
    """

    conn_id: str
    endpoint: str
    insecure: bool = False
    project: str = ""
    domain: str = ""
    ca_cert_file_path: str = ""
    authority: str = ""
    auth_mode: str = "none"
    client_id: str = ""
    console_endpoint: str = ""
    timeout_seconds: float = 30.0

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
    reader = _Reader(str(conn.conn_id), dict(conn.extra_dejson or {}))
    scheme, host, host_port = reader.host(conn.host)
    insecure = reader.boolean("insecure", scheme == "http")
    if scheme == "https" and insecure:
        raise reader.error("Host says https:// but insecure is on; leave one of them out")
    reader.warn_about_ignored()
    reader.refuse_unsupported()
    return FlyteConnection(
        conn_id=reader.conn_id,
        endpoint=f"{host}:{reader.port(host_port, conn.port) or (80 if insecure else 443)}",
        insecure=insecure,
        project=reader.text("project"),
        domain=reader.text("domain"),
        ca_cert_file_path=reader.text("ca_cert_file_path"),
        authority=reader.text("authority"),
        auth_mode=reader.auth_mode(bool(conn.login and conn.password)),
        client_id=str(conn.login or ""),
        console_endpoint=reader.text("console_endpoint"),
        timeout_seconds=reader.seconds("timeout", 30.0),
    )


class _Reader:
    """Reads one connection's extras, and words its errors."""

    def __init__(self, conn_id: str, extras: dict[str, Any]) -> None:
        self.conn_id = conn_id
        self._extras = extras

    def error(self, problem: str) -> FlyteConfigurationError:
        return FlyteConfigurationError(f"Flyte connection {self.conn_id!r}: {problem}")

    def get(self, key: str) -> Any:
        # Connections saved by forms of old Airflow versions carry prefixed keys.
        return self._extras.get(key, self._extras.get(f"extra__{CONN_TYPE}__{key}"))

    def text(self, key: str) -> str:
        value = self.get(key)
        return "" if value is None else str(value).strip()

    def boolean(self, key: str, default: bool) -> bool:
        """Connections written as URIs know strings only: ``insecure=False`` is ``"False"``."""
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = str(value).strip().lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
        raise self.error(f"extra {key!r} is {value!r}, expected true or false")

    def seconds(self, key: str, default: float) -> float:
        text = self.text(key)
        try:
            value = float(text) if text else default
        except ValueError:
            value = 0.0
        if value <= 0:
            raise self.error(f"extra {key!r} is {text!r}, expected a number of seconds above 0")
        return value

    def host(self, host: str | None) -> tuple[str, str, int | None]:
        """Return scheme (lower case, may be empty), host and the port written in it."""
        if not host or not host.strip():
            raise self.error("no host. Set Host, e.g. flyte.example.com:443")
        match = _HOST.match(host.strip())
        if not match:
            raise self.error(f"Host {host!r} is not understood; write e.g. flyte.example.com:443")
        port = match["port"]
        return (match["scheme"] or "").lower(), match["host"], int(port) if port else None

    def port(self, in_host: int | None, in_field: Any) -> int | None:
        port = int(in_field) if in_field else None
        if port and in_host and port != in_host:
            raise self.error(f"Host names port {in_host} and Port is {port}; leave one of them out")
        return port or in_host

    def auth_mode(self, has_credentials: bool) -> str:
        """Resolve ``auto`` (login and password mean client credentials) and refuse what is not built yet."""
        mode = (self.text("auth_mode") or "auto").lower()
        if mode not in AUTH_MODES:
            raise self.error(f"auth_mode is {mode!r}, expected one of {', '.join(AUTH_MODES)}")
        if mode == "auto":
            mode = "client_credentials" if has_credentials else "none"
        if mode != "none":
            raise self.error(
                f"auth_mode {mode!r} is not supported by this version of the provider, which connects "
                "without authentication only. Remove login and password, or set auth_mode to none"
            )
        return mode

    def refuse_unsupported(self) -> None:
        """Refuse what would otherwise be ignored with a surprise."""
        if self.boolean("insecure_skip_verify", False):
            raise self.error(
                "insecure_skip_verify is not supported by this version of the provider; "
                "set ca_cert_file_path to the server's certificate authority"
            )

    def warn_about_ignored(self) -> None:
        for key in sorted(FLYTEKIT_ONLY_EXTRAS & self._extras.keys() - _warned):
            _warned.add(key)
            warnings.warn(
                f"Flyte connection {self.conn_id!r}: extra {key!r} matters to create_flyte_remote() only",
                UserWarning,
                stacklevel=4,
            )
