"""Dag files import our classes often; what they load is what `airflow.sdk` loads, and little of ours."""

from __future__ import annotations

import json
import subprocess
import sys

_PROBE = """
import json, sys
try:
    import airflow.sdk
    from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator
except ImportError:
    from airflow import DAG
    from airflow.hooks.base import BaseHook
    from airflow.models.baseoperator import BaseOperator
    from airflow.sensors.base import BaseSensorOperator
from airflow.triggers.base import BaseTrigger
before = set(sys.modules)
import flyte_provider.operators.flyte, flyte_provider.sensors.flyte
import flyte_provider.triggers.flyte, flyte_provider.hooks.flyte
import flyte_provider.decorators.flyte, flyte_provider.notifications.flyte, flyte_provider.assets.flyte
import flyte_provider.plugins.flyte, flyte_provider.retry, flyte_provider._provider_info
flyte_provider._provider_info.get_provider_info()
flyte_provider.operators.flyte.FlyteOperator(task_id="t", launchplan_name="lp")
flyte_provider.sensors.flyte.FlyteSensor(task_id="s", execution_name="e")
flyte_provider.hooks.flyte.FlyteHook()
print(json.dumps(sorted(set(sys.modules) - before)))
"""
_HEAVY = {"grpc", "google.protobuf", "flyteidl", "flytekit", "msgpack", "pandas", "flask_appbuilder"}


def test_importing_every_public_module_loads_no_grpc_and_no_flyte() -> None:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.strip().splitlines()[-1])
    heavy = [name for name in loaded if any(name == one or name.startswith(f"{one}.") for one in _HEAVY)]
    assert heavy == []
    assert "flyte_provider._client" not in loaded
