"""The provider's own tests and example Dags, on each Airflow that it says it works with.

Slow: each version gets an environment of its own from the index. ``AIRFLYTE_AIRFLOW_VERSIONS`` names others
(comma-separated, as in ``3.4.0rc1``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from ..stack import flyte
from .environments import (
    CHECKOUT,
    PROVIDER,
    Environment,
    build_wheel,
    plain_environ,
    requirements_of,
    run,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

# When the newest release of a finished line came out. What its dependencies have become since may break it:
# nothing younger is installed beside it. Airflow's own constraints say the same in more words.
LAST_RELEASE = {
    "2.11": "2026-03-14",
    "3.0": "2025-08-29",
    "3.1": "2026-03-11",
    "3.2": "2026-05-29",
}
DAYS_AFTER = timedelta(days=2)
VERSIONS = tuple(os.environ.get("AIRFLYTE_AIRFLOW_VERSIONS", "2.11,3.0,3.1,3.2,3.3").split(","))
TOOLS = ("pytest>=8", "hypothesis", "pytest-timeout", "pytest-asyncio", "httpx", "cryptography", "pydantic")
# Left out: what makes environments itself, and the Airflow of four processes, which is of one version.
LEFT_OUT = ("gates/test_installing.py", "gates/test_versions.py", "resume")


@pytest.fixture(scope="module")
def flyte_default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection for system tests; the embedded Flyte has no place beside an old Airflow's SQLAlchemy."""
    with flyte.running(tmp_path_factory.mktemp("flyte"), *flyte.SYSTEM_TESTS_LAUNCH) as sandbox:
        yield json.dumps(flyte.connection(sandbox))


@pytest.fixture
def environment(version: str, tmp_path: Path) -> Environment:
    """An Airflow of that version, and what our sources need.

    Without our wheel: installed, Airflow would load the plugin, and the one of a test would be a second.
    """
    made = Environment(tmp_path / "env")
    exact = f"apache-airflow=={version}" + (".*" if version.count(".") == 1 else "")
    needed = (*requirements_of(build_wheel(tmp_path / "wheel")), "authlib>=1.3,<2", "requests")
    made.install(*held_back(version), exact, *TOOLS, *needed)
    return made


def held_back(version: str) -> list[str]:
    if version not in LAST_RELEASE:
        return []
    return ["--exclude-newer", str(date.fromisoformat(LAST_RELEASE[version]) + DAYS_AFTER)]


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_passes_on(environment: Environment, flyte_default: str, tmp_path: Path) -> None:
    tests = PROVIDER / "tests"
    (tmp_path / "home").mkdir()
    environ = plain_environ(
        AIRFLOW_HOME=str(tmp_path / "home"),
        AIRFLOW_CONN_FLYTE_DEFAULT=flyte_default,
        PYTHONPATH=str(PROVIDER / "src"),
        PYTHONDONTWRITEBYTECODE="1",
    )
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    words += ["-c", str(CHECKOUT / "pyproject.toml"), f"--basetemp={tmp_path / 'tests'}"]
    words += [f"--ignore={tests / name}" for name in LEFT_OUT]
    words += ["-W", "ignore:SelectableGroups dict interface:DeprecationWarning"]  # OpenTelemetry beside 3.2
    said = run(environment.bin("python"), *words, tests, environ=environ, seconds=2000)
    print(f"Airflow {environment.version_of('apache-airflow')}: {said.splitlines()[-1]}")  # noqa: T201
