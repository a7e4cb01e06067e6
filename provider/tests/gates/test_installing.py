"""The wheel goes into clean Airflows beside the providers that people have, at lowest and at newest versions.

Slow: each cell downloads and installs some two hundred packages.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .environments import Environment, build_wheel, plain_environ, requirements_of, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# From the versions on that were current when Airflow 2.11.0 came out.
BESIDE = (
    "apache-airflow-providers-amazon>=9.7",
    "apache-airflow-providers-celery>=3.11",
    "apache-airflow-providers-cncf-kubernetes>=10.5",
    "apache-airflow-providers-databricks>=7.4",
    "apache-airflow-providers-google>=15.1",
    "apache-airflow-providers-openlineage>=2.3",
)
# What a task loads when it runs, with the versions that were resolved.
_LOADS = """
import flyte_provider._client.aio, flyte_provider._client.admin, flyte_provider._client.codec
import flyte_provider.operators.flyte, flyte_provider.sensors.flyte, flyte_provider.triggers.flyte
import flyte_provider.decorators.flyte, flyte_provider.notifications.flyte, flyte_provider.assets.flyte
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("airflow", ["2.11", "3.3"])
def test_it_lives_beside_other_providers(wheel: Path, tmp_path: Path, airflow: str, resolution: str) -> None:
    environment = Environment(tmp_path / "env")
    wanted = [f"apache-airflow=={airflow}.*", *requirements_of(wheel), *BESIDE]
    environment.install("--resolution", resolution, wheel, *wanted)
    environment.check()

    environ = plain_environ(AIRFLOW_HOME=str(tmp_path / "home"), AIRFLOW__CORE__LOAD_EXAMPLES="False")
    run(environment.bin("python"), "-W", "ignore", "-c", _LOADS, environ=environ)
    words = ("providers", "list", "--output", "json")
    listed = run(environment.bin("airflow"), *words, environ=environ)
    packages = {entry["package_name"] for entry in json.loads(listed[listed.index("[{") :])}
    wanted_packages = {line.partition(">")[0] for line in BESIDE} | {"airflow-provider-flyte"}
    assert wanted_packages <= packages
    hooks = run(environment.bin("airflow"), "providers", "hooks", "--output", "json", environ=environ)
    assert "flyte_provider.hooks.flyte.FlyteHook" in hooks
