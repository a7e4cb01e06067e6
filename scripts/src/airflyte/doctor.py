"""Runs the checks: all of them for ``airflyte doctor``, the quick ones before ``up`` starts anything."""

from __future__ import annotations

from collections.abc import Mapping

from airflyte.checks import attached, docker, doors, folder, machine, network, software, task_user
from airflyte.checks.finding import Check, Finding
from airflyte.errors import AirflyteError
from airflyte.settings import Settings

CHECKS: tuple[Check, ...] = (
    *software.CHECKS,
    *machine.CHECKS,
    *folder.CHECKS,
    *task_user.CHECKS,
    *doors.CHECKS,
    *network.CHECKS,
    *docker.CHECKS,
)


def examine(settings: Settings, environ: Mapping[str, str], *, quick: bool = False) -> list[Finding]:
    """Every check's findings, in a fixed order.

    :param quick: leave out the checks that talk to somebody, unless the settings need what they look at.
    """
    chosen = [check for check in CHECKS if not (quick and check.is_slow and not _is_needed(check, settings))]
    return [finding for check in chosen for finding in check.look(settings, environ)]


def examine_attached(settings: Settings, environ: Mapping[str, str], url: str) -> list[Finding]:
    """What an Airflow that the stack did not make lacks; its login is in ``ATTACHED_AIRFLOW_USER`` and
    ``ATTACHED_AIRFLOW_PASSWORD``, because a command line is everybody's to read.
    """
    login = (environ.get(f"ATTACHED_AIRFLOW_{word}", "") for word in ("USER", "PASSWORD"))
    return attached.examine(settings, url, *login)


def preflight(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """The quick checks, before anything is started.

    :raises AirflyteError: for the first failure, with its advice; nothing has been changed then.
    """
    findings = examine(settings, environ, quick=True)
    for finding in findings:
        if finding.level == "failure":
            said = "; ".join(filter(None, (finding.text, finding.advice))).rstrip(".")
            raise AirflyteError(f"{finding.name}: {said}.", command="make doctor, which shows every check")
    return findings


def summary(findings: list[Finding]) -> str:
    """One line for all of them: "17 checks ok, 1 warning (proxy)"."""
    passed = sum(finding.level == "ok" for finding in findings)
    parts = [f"{passed} checks ok"]
    for level, word in (("warning", "warning"), ("failure", "failure")):
        names = [finding.name for finding in findings if finding.level == level]
        if names:
            parts.append(f"{len(names)} {word}{'s' if len(names) > 1 else ''} ({', '.join(names)})")
    return ", ".join(parts)


def _is_needed(check: Check, settings: Settings) -> bool:
    return check in docker.CHECKS and settings.flyte == "docker"
