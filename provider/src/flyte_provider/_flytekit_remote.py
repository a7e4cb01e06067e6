"""What only flytekit can: a FlyteRemote from a connection, tokens that a human has to allow, uploads."""

from __future__ import annotations

from contextlib import closing
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from flyte_provider._airflow import AirflowOptionalProviderFeatureException
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteConfigurationError, FlyteInputError

if TYPE_CHECKING:
    from flytekit.remote.remote import FlyteRemote


def make_remote(
    connection: FlyteConnection, extras: dict[str, Any], project: str, domain: str
) -> FlyteRemote:
    """Return a FlyteRemote.

    :param extras: the connection's extras, for those that only flytekit knows
    :raises AirflowOptionalProviderFeatureException: without flytekit
    :raises FlyteConfigurationError: beside a flytekit plugin that would break this Airflow
    """
    configuration = _import_flytekit("create_flyte_remote()")
    from flytekit.remote.remote import FlyteRemote

    config = _make_config(configuration, connection, extras)
    return FlyteRemote(config=config, default_project=project, default_domain=domain)


def fetch_token_interactively(connection: FlyteConnection) -> tuple[str, str]:
    """Return an access token that a human has allowed, and the metadata key to send it with.

    With ``device`` the task's log shows an address and a code to open it with; with ``pkce`` a browser opens
    on this very machine. flytekit keeps what it got in the machine's keyring, where there is one.

    :raises AirflowOptionalProviderFeatureException: without flytekit
    """
    configuration = _import_flytekit(f"auth_mode {connection.auth_mode}")
    from flytekit.clients.auth_helper import RemoteClientConfigStore, get_authenticator

    from flyte_provider._client.channel import open_plain_channel

    with closing(open_plain_channel(connection)) as channel:
        platform = _make_platform(configuration, connection)
        authenticator = get_authenticator(platform, RemoteClientConfigStore(channel))
        authenticator.refresh_credentials()
        key, value = authenticator.fetch_grpc_call_auth_metadata()
    return value.removeprefix("Bearer "), key


def store(remote: FlyteRemote, value: Any, literal_type: Any) -> Any:
    """Store a value through Flyte's own upload service and return its literal (flyteidl's, as the type is).

    :raises FlyteInputError: when flytekit cannot make the type out of the value
    """
    from flytekit.core.type_engine import TypeEngine
    from flytekit.models.types import LiteralType

    wanted = LiteralType.from_flyte_idl(literal_type)
    try:
        with remote.remote_context() as context:
            return TypeEngine.to_literal(context, value, type(value), wanted).to_flyte_idl()
    # flytekit's transformers raise whatever they find.
    except Exception as exc:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise FlyteInputError(f"a {kind} cannot be stored for Flyte: {exc}") from exc


def _import_flytekit(purpose: str) -> Any:
    _refuse_monkey_patch()
    try:
        from flytekit import configuration
    except ImportError as exc:
        raise AirflowOptionalProviderFeatureException(
            f"{purpose} needs flytekit; install it beside airflow-provider-flyte, "
            "or use the hook's own methods and auth modes, which do not"
        ) from exc
    return configuration


# Ours to flytekit's.
_AUTH_MODES = {
    "client_credentials": "client_credentials",
    "external_command": "external_process",
    "device": "DEVICEFLOW",
    "pkce": "PKCE",
}


def _make_platform(configuration: Any, connection: FlyteConnection) -> Any:
    options: dict[str, Any] = {}
    if connection.auth_mode in _AUTH_MODES:
        options["auth_mode"] = _AUTH_MODES[connection.auth_mode]
    if connection.auth_mode == "token":
        # flytekit knows no fixed token, but a command that prints one.
        options |= {"auth_mode": "external_process", "command": ["printf", "%s", connection.token]}
    elif connection.command:
        options["command"] = list(connection.command)
    if connection.client_id:
        options |= {"client_id": connection.client_id, "client_credentials_secret": connection.client_secret}
    return configuration.PlatformConfig(
        endpoint=connection.endpoint,
        insecure=connection.insecure,
        insecure_skip_verify=connection.insecure_skip_verify,
        ca_cert_file_path=connection.ca_cert_file_path or None,
        proxy_command=list(connection.proxy_command) or None,
        scopes=list(connection.scopes),
        audience=connection.audience or None,
        http_proxy_url=connection.http_proxy_url or None,
        **options,
    )


def _make_config(configuration: Any, connection: FlyteConnection, extras: dict[str, Any]) -> Any:
    s3 = {key.removeprefix("s3_"): value for key, value in extras.items() if key.startswith("s3_")}
    stats = {key.removeprefix("statsd_"): value for key, value in extras.items() if key.startswith("statsd_")}
    secrets = _only(extras, "env_prefix", "default_dir", "file_prefix")
    return configuration.Config(
        platform=_make_platform(configuration, connection),
        secrets=configuration.SecretsConfig(**secrets),
        stats=configuration.StatsConfig(**stats),
        data_config=configuration.DataConfig(
            s3=configuration.S3Config(**s3),
            gcs=configuration.GCSConfig(**_only(extras, "gsutil_parallelism")),
        ),
        **_only(extras, "local_sandbox_path"),
    )


def _only(extras: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: extras[key] for key in keys if key in extras}


def _refuse_monkey_patch() -> None:
    """flytekit loads its plugins when imported; the one for Airflow replaces ``BaseOperator.__new__``."""
    for entry_point in entry_points(group="flytekit.plugins"):
        if entry_point.value.startswith("flytekitplugins.airflow"):
            raise FlyteConfigurationError(
                f"flytekit cannot be loaded here: its plugin {entry_point.name!r} (flytekitplugins-airflow) "
                "turns every Airflow operator of this process into a Flyte task; uninstall it from here"
            )
