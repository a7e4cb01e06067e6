"""Are the tools, the locks and the environments what they should be, and are the settings spelt right?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping

from airflyte import environments, interpreters, lockfiles, uv
from airflyte.checks.finding import Check, Finding, failure, ok, warning
from airflyte.errors import AirflyteError
from airflyte.settings import Settings, unknown_variables

RUNNING_ENVIRONMENTS = ("sandbox", "airflow", "workflows")


def python(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """The interpreter that is asked for fits; the one that runs now did, or we would not be here."""
    if settings.python:
        asked = interpreters.look_at(settings.python)
        if not asked.fits:
            return failure("python", str(asked), f"AIRFLYTE_PYTHON must name {interpreters.NEEDED}")
    base = getattr(sys, "_base_executable", sys.executable)
    return ok("python", f"{platform.python_implementation()} {platform.python_version()}, {base}")


def uv_tool(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """uv, which is needed only when an environment has to be made."""
    found = uv.find(environ, settings.state / "uv")
    if found is None:
        return ok("uv", "none on PATH; a private one is fetched when it is needed")
    version = uv.version(found.path) or ()
    return ok("uv", f"{'.'.join(map(str, version))}, {found.path}")


def locks(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Every lock was compiled from what its inputs say now; a test insists on it, ``up`` does not."""
    stale = lockfiles.stale(settings.checkout)
    if stale:
        return warning("locks", f"out of date: {', '.join(stale)}", "make lock, and commit the result")
    return ok("locks", f"{len(lockfiles.INPUTS)} up to date")


def installed(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Environments that are missing or old are made by ``up``; this only says so."""
    ours = environments.of(settings, environ, lambda _: None)
    try:
        missing = [name for name in RUNNING_ENVIRONMENTS if not ours.is_fresh(name)]
    except AirflyteError as error:
        return failure("environments", error.message, "git status")
    if missing:
        return ok("environments", f"make up will make {', '.join(missing)}")
    return ok("environments", f"{', '.join(RUNNING_ENVIRONMENTS)} as their locks say")


def spelling(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """A misspelt variable is otherwise silent."""
    unknown = unknown_variables(environ)
    if unknown:
        return warning(
            "settings", f"not a setting: {', '.join(unknown)}", "airflyte config lists all of them"
        )
    changed = [f"{line.key}={line.value}" for line in settings.origins() if line.origin != "default"]
    shown = [text for text in changed if "://" not in text]  # an address may hold a password
    return ok("settings", ", ".join(shown) or "all defaults")


CHECKS = (Check(python), Check(uv_tool), Check(locks), Check(installed), Check(spelling))
