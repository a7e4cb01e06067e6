"""``airflyte status``: what runs, since when, and whether every door is open."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from airflyte.settings import Settings

if TYPE_CHECKING:
    from airflyte.stack.health import Health
    from airflyte.stack.parts import Stack

HELP = "show what runs, and whether it answers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The form of the answer."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--env", action="store_true", help='print addresses as variables: eval "$(… --env)"')


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print it.

    :return: 0 when the stack is ready, else 1.
    """
    from airflyte.stack import health, record

    stack = record.running_stack(settings)
    if args.env:
        sys.stdout.write(
            "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables(stack).items())
        )
        return 0
    found = health.look(stack)
    if args.json:
        sys.stdout.write(json.dumps(as_json(stack, found), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table(stack, found)))
    return 0 if found.is_ready else 1


def variables(stack: Stack) -> dict[str, str]:
    """The stack's addresses for scripts; the password is in a file, whose name is here."""
    settings, folder = stack.settings, stack.folder
    found = {
        "STACK_STATE": str(folder.path),
        "STACK_SECRETS": str(folder.secrets),
        "STACK_FLYTE_ENDPOINT": f"localhost:{settings.ports.flyte}",
        "STACK_FLYTE_CONSOLE": f"{stack.flyte().base_url}/console",
        "STACK_S3_ENDPOINT": f"http://localhost:{settings.ports.s3}",
        "FLYTECTL_CONFIG": str(folder.flyte_config),
    }
    if stack.has_airflow:
        found["STACK_AIRFLOW_URL"] = f"http://localhost:{settings.ports.airflow}"
        found["STACK_AIRFLOW_USER"] = settings.airflow_user
        found["AIRFLOW_HOME"] = str(folder.airflow_home)
    if stack.has_own_postgres:
        found["STACK_POSTGRES"] = f"127.0.0.1:{settings.ports.postgres}"
    return found


def as_json(stack: Stack, found: Health) -> dict[str, Any]:
    """Everything."""
    return {
        "status": found.word,
        "components": [dataclasses.asdict(component) for component in found.components],
        "doors": [{**dataclasses.asdict(door), "open": door.is_open} for door in found.doors],
        "addresses": variables(stack),
    }


def table(stack: Stack, found: Health) -> list[str]:
    """For a person."""
    lines = [f"The stack in {stack.settings.checkout} is {found.word}."]
    if not found.is_running:
        left = [f"{found.strays} of its processes are left; make up ends them first."] if found.strays else []
        return [*lines, *left, "Next: make up"]
    lines += ["", f"{'component':<24}{'state':<13}{'pid':>8}  {'since':<9}port"]
    for each in found.components:
        since = _duration(each.seconds) if each.seconds is not None else "-"
        lines.append(f"{each.name:<24}{each.phase:<13}{each.pid or '-':>8}  {since:<9}{each.port or '-'}")
    lines += ["", f"{'door':<40}answer"]
    lines += [f"{door.name:<40}{door.reason or 'ok'}" for door in found.doors]
    closed = next((door for door in found.doors if not door.is_open), None)
    return [*lines, "", f"Next: make logs ARGS={closed.component}" if closed else _next(stack)]


def _next(stack: Stack) -> str:
    return "Next: make demo" if stack.has_airflow else "Next: make register"


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{int(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
