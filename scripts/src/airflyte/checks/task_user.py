"""As whom do tasks run when root starts the stack?"""

from __future__ import annotations

from collections.abc import Mapping

from airflyte.checks.finding import Check, Finding, ok, warning
from airflyte.flyte import task_user
from airflyte.settings import Settings

_ADVICE = (
    "a task can then read and write whatever root can; move the checkout to a folder that everybody may "
    "enter (/srv, /opt), or start the stack as an ordinary user"
)


def look(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """A uid of their own, or root for lack of a way to one."""
    user = task_user.of(settings)
    if user is None:
        return ok("tasks", "run as the user who starts the stack")
    return warning("tasks", user.describe(), _ADVICE) if user.reason else ok("tasks", user.describe())


CHECKS = (Check(look),)
