"""Reads one connection's host and extras, key by key, and words what is wrong with them."""

from __future__ import annotations

import json
import re
import shlex
import warnings
from typing import Any

from flyte_provider._connection_fields import AUTH_MODES, CONN_TYPE
from flyte_provider.exceptions import FlyteConfigurationError

_HOST = re.compile(
    r"^(?:(?P<scheme>dns|https?):/{2,3})?(?P<host>\[[^\]]+\]|[^/:\[\]]+)(?::(?P<port>\d+))?/?$", re.IGNORECASE
)
_PORTS = range(1, 65536)
_TRUE = {"true", "t", "yes", "y", "on", "1"}
_FALSE = {"false", "f", "no", "n", "off", "0", ""}

# flytekit's words for the same things, which connections of 0.0.5 hold. Its "standard" opens a browser, which
# no worker has; whoever wants that says pkce.
_AUTH_ALIASES = {
    "standard": "auto",
    "basic": "client_credentials",
    "clientsecret": "client_credentials",
    "clientcredentials": "client_credentials",
    "externalprocess": "external_command",
    "externalcommand": "external_command",
    "deviceflow": "device",
}

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


class Reader:
    """Reads one connection.

    :param conn_id: for messages
    :param extras: the connection's extras, as Airflow has parsed them
    """

    def __init__(self, conn_id: str, extras: Any) -> None:
        self.conn_id = conn_id
        if not isinstance(extras, dict):
            raise self.error(f"extra is a {type(extras).__name__}, expected a JSON object")
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
        if not 0 < value < float("inf"):
            raise self.error(f"extra {key!r} is {text!r}, expected a number of seconds above 0")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list, or a text of words between blanks or commas."""
        value = self.get(key)
        if isinstance(value, list | tuple):
            return tuple(str(word) for word in value)
        return tuple(re.split(r"[\s,]+", self.text(key))) if self.text(key) else ()

    def command(self, key: str) -> tuple[str, ...]:
        """Return a command's arguments from a list, or from a text as a shell would split it."""
        value = self.get(key)
        if isinstance(value, list | tuple):
            return tuple(str(word) for word in value)
        text = self.text(key)
        try:
            # A list that came through a URI or a form.
            words = json.loads(text) if text.startswith("[") else shlex.split(text)
            return tuple(str(word) for word in words)
        except ValueError as exc:
            raise self.error(f"extra {key!r} is not understood as a command: {exc}") from exc

    def options(self, key: str) -> tuple[tuple[str, Any], ...]:
        """Return channel arguments from a dict, or from a text with a JSON object."""
        value = self.get(key)
        try:
            options = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
        except ValueError:
            options = None
        if not isinstance(options, dict) or not all(isinstance(item, str | int) for item in options.values()):
            raise self.error(f"extra {key!r} is {value!r}, expected a JSON object of texts and integers")
        return tuple(sorted((str(name), item) for name, item in options.items()))

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
        in_field = int(in_field) if in_field else None
        if in_field and in_host and in_field != in_host:
            raise self.error(f"Host names port {in_host} and Port is {in_field}; leave one of them out")
        port = in_host if in_field is None else in_field
        if port is not None and port not in _PORTS:
            raise self.error(f"port {port} does not exist, expected 1 to 65535")
        return port

    def wanted_auth_mode(self) -> str:
        """Return the mode that the connection names, in our word for it."""
        word = (self.text("auth_mode") or "auto").lower()
        mode = _AUTH_ALIASES.get(re.sub(r"[-_]", "", word), word)
        if mode not in AUTH_MODES:
            raise self.error(f"auth_mode is {word!r}, expected one of {', '.join(AUTH_MODES)}")
        return mode

    def auth_mode(self, has_login: bool, has_password: bool) -> str:
        """Return the mode, ``auto`` resolved; refuse one that lacks what it needs."""
        mode = self.wanted_auth_mode()
        if mode == "auto":
            mode = self._mode_of_what_is_given(has_login and has_password)
        needed = {
            "client_credentials": (has_login and has_password, "Client ID and Client secret"),
            "external_command": (bool(self.command("command")), "extra 'command'"),
            "token": (bool(self.text("token")), "extra 'token'"),
        }
        is_given, what = needed.get(mode, (True, ""))
        if not is_given:
            raise self.error(f"auth_mode {mode} needs {what}")
        return mode

    def _mode_of_what_is_given(self, has_credentials: bool) -> str:
        if has_credentials:
            return "client_credentials"
        if self.text("token"):
            return "token"
        return "external_command" if self.command("command") else "none"

    def warn_about_ignored(self) -> None:
        for key in sorted(FLYTEKIT_ONLY_EXTRAS & self._extras.keys() - _warned):
            _warned.add(key)
            warnings.warn(
                f"Flyte connection {self.conn_id!r}: extra {key!r} matters to create_flyte_remote() only",
                UserWarning,
                stacklevel=4,
            )
