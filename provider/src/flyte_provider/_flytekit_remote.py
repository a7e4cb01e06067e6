"""FlyteRemote from an Airflow connection, for those who have flytekit. Nothing else here needs it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from flyte_provider._airflow import AirflowOptionalProviderFeatureException
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteConfigurationError

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
    _refuse_monkey_patch()
    try:
        from flytekit import configuration
        from flytekit.remote.remote import FlyteRemote
    except ImportError as exc:
        raise AirflowOptionalProviderFeatureException(
            "create_flyte_remote() needs flytekit; install it beside airflow-provider-flyte, "
            "or use the hook's own methods, which do not"
        ) from exc
    config = _make_config(configuration, connection, extras)
    return FlyteRemote(config=config, default_project=project, default_domain=domain)


def _make_config(configuration: Any, connection: FlyteConnection, extras: dict[str, Any]) -> Any:
    platform = configuration.PlatformConfig(
        endpoint=connection.endpoint,
        insecure=connection.insecure,
        ca_cert_file_path=connection.ca_cert_file_path or None,
    )
    s3 = {key.removeprefix("s3_"): value for key, value in extras.items() if key.startswith("s3_")}
    stats = {key.removeprefix("statsd_"): value for key, value in extras.items() if key.startswith("statsd_")}
    secrets = _only(extras, "env_prefix", "default_dir", "file_prefix")
    return configuration.Config(
        platform=platform,
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
