"""The provider's own tests and example Dags, on each Airflow that it says it works with.

Slow: each version gets an environment of its own from the index. ``AIRFLYTE_AIRFLOW_VERSIONS`` names others
(comma-separated, as in ``3.4.0rc1``).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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

# What an Airflow needs held back, because newer ones came out that break Dag.test there. No test of ours.
HELD_BACK = {
    "3.0": ("fastapi<0.118", "cadwyn<5.5"),
    "3.1": ("fastapi<0.120", "pydantic<2.13"),
}
VERSIONS = tuple(os.environ.get("AIRFLYTE_AIRFLOW_VERSIONS", "2.11,3.0,3.1,3.2,3.3").split(","))
TOOLS = ("pytest>=8", "hypothesis", "pytest-timeout", "pytest-asyncio", "httpx", "cryptography", "pydantic")
# Left out: what makes environments itself, and the Airflow of four processes, which is of one version.
LEFT_OUT = ("gates/test_installing.py", "gates/test_versions.py", "gates/test_attaching.py", "resume")


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_passes_on(version: str, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "env")
    exact = f"apache-airflow=={version}" + (".*" if version.count(".") == 1 else "")
    # From its sources: installed, Airflow would load the plugin, and a test of it would be a second one.
    needed = (*requirements_of(build_wheel(tmp_path / "wheel")), "authlib>=1.3,<2", "requests")
    environment.install(exact, *HELD_BACK.get(version, ()), *TOOLS, *needed)
    tests = PROVIDER / "tests"
    (tmp_path / "home").mkdir()
    environ = plain_environ(
        AIRFLOW_HOME=str(tmp_path / "home"),
        PYTHONPATH=str(PROVIDER / "src"),
        PYTHONDONTWRITEBYTECODE="1",
    )
    words = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "-c",
        CHECKOUT / "pyproject.toml",
    ]
    words += [f"--ignore={tests / name}" for name in LEFT_OUT]
    words += [f"--basetemp={tmp_path / 'tests'}"]
    said = run(environment.bin("python"), *words, tests, environ=environ, seconds=2000)
    print(f"Airflow {environment.version_of('apache-airflow')}: {said.splitlines()[-1]}")  # noqa: T201
