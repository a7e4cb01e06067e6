"""Is there a Docker engine, where does it listen, and how big is it? Needed only for ``flyte = "docker"``."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from airflyte.checks.finding import Check, Finding, failure, ok
from airflyte.settings import Settings

SECONDS = 5.0
GIB = 1024**3
NEEDED_MEMORY = 6 * GIB
"""For the upstream sandbox image: Kubernetes, Flyte, PostgreSQL and MinIO beside Airflow."""


def engine(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """The engine that the docker command would talk to: its context counts, not only DOCKER_HOST."""
    is_needed = settings.flyte == "docker"
    endpoint, problem, info = _look(environ)
    if problem and not is_needed:
        return ok("docker", f"{problem}; not needed")
    if problem:
        advice = 'start it, or use the embedded Flyte: flyte = "embedded" under [stack] in airflyte.toml'
        return failure("docker", f"{endpoint}: {problem}" if endpoint else problem, advice)
    memory = float(info.get("MemTotal", 0))
    text = f"{info.get('ServerVersion')} at {endpoint}, {memory / GIB:.1f} GiB"
    if is_needed and memory < NEEDED_MEMORY:
        return failure("docker", text, f"give the engine at least {NEEDED_MEMORY / GIB:.0f} GiB")
    return ok("docker", text)


def _look(environ: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    """Endpoint, problem, and what the engine says of itself."""
    program = shutil.which("docker", path=environ.get("PATH"))
    if program is None:
        return "", "no docker command", {}
    endpoint = environ.get("DOCKER_HOST") or _ask(
        [program, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], environ
    )
    info = _ask([program, "info", "--format", "{{json .}}"], environ)
    try:
        seen = json.loads(info)
    except ValueError:
        return endpoint, "the engine does not answer", {}
    if not isinstance(seen, dict) or not seen.get("ServerVersion"):
        return endpoint, "the engine does not answer", {}
    return endpoint, "", seen


def _ask(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        run = subprocess.run(command, env=dict(environ), capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.decode("utf-8", "replace").strip()


CHECKS = (Check(engine, is_slow=True),)
