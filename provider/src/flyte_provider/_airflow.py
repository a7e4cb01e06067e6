"""The import seam: where each Airflow version keeps the public names that this provider uses.

Names are looked up when first asked for, newest home first, so importing one of our modules loads only the
part of Airflow that it needs. What is not public in Airflow lives in :mod:`flyte_provider._airflow_private`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # mypy asks for re-exports by "as", ruff would have each on an import of its own.
    # isort: off
    from airflow.sdk import (
        Asset as Asset,
        BaseHook as BaseHook,
        BaseNotifier as BaseNotifier,
        BaseOperator as BaseOperator,
        BaseOperatorLink as BaseOperatorLink,
        BaseSensorOperator as BaseSensorOperator,
        Connection as Connection,
        Context as Context,
    )
    from airflow.sdk.bases.decorator import (
        DecoratedOperator as DecoratedOperator,
        determine_kwargs as determine_kwargs,
        task_decorator_factory as task_decorator_factory,
    )
    from airflow.sdk.configuration import conf as conf
    from airflow.sdk.definitions.context import context_merge as context_merge
    from airflow.sdk.exceptions import (
        AirflowException as AirflowException,
        AirflowOptionalProviderFeatureException as AirflowOptionalProviderFeatureException,
        AirflowSensorTimeout as AirflowSensorTimeout,
        AirflowSkipException as AirflowSkipException,
        AirflowTaskTimeout as AirflowTaskTimeout,
    )
    from airflow.sdk.execution_time.xcom import XCom as XCom
    from airflow.sdk.log import mask_secret as mask_secret
    from airflow.sdk.plugins_manager import AirflowPlugin as AirflowPlugin
    from airflow.triggers.base import (
        BaseEventTrigger as BaseEventTrigger,
        BaseTrigger as BaseTrigger,
        TriggerEvent as TriggerEvent,
    )
    # isort: on

_HOMES: dict[str, tuple[str, ...]] = {
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),
    "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
    # Airflow 2 has no assets that anything could watch; there it is a trigger like any other.
    "BaseEventTrigger": ("airflow.triggers.base", "airflow.triggers.base:BaseTrigger"),
    "BaseNotifier": ("airflow.sdk", "airflow.sdk.bases.notifier", "airflow.notifications.basenotifier"),
    "DecoratedOperator": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "context_merge": ("airflow.sdk.definitions.context", "airflow.utils.context"),
    "determine_kwargs": ("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers"),
    "task_decorator_factory": ("airflow.sdk.bases.decorator", "airflow.decorators.base"),
    "BaseHook": ("airflow.sdk", "airflow.sdk.bases.hook", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "BaseTrigger": ("airflow.triggers.base",),
    "TriggerEvent": ("airflow.triggers.base",),
    "Connection": ("airflow.sdk", "airflow.models.connection"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
    "mask_secret": (
        "airflow.sdk.log",
        "airflow.sdk.execution_time.secrets_masker",
        "airflow.utils.log.secrets_masker",
    ),
    "AirflowException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowOptionalProviderFeatureException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowSensorTimeout": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowSkipException": ("airflow.sdk.exceptions", "airflow.exceptions"),
    "AirflowTaskTimeout": ("airflow.sdk.exceptions", "airflow.exceptions"),
}


def __getattr__(name: str) -> Any:
    """Import the name from the newest home that has it, and keep it."""
    for home in _HOMES.get(name, ()):
        module, _, other_name = home.partition(":")
        try:
            value = getattr(importlib.import_module(module), other_name or name)
        except (ImportError, AttributeError):
            continue
        globals()[name] = value
        return value
    if name in _HOMES:
        raise ImportError(f"no known home of Airflow has {name!r}; looked in {', '.join(_HOMES[name])}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
