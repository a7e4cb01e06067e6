"""``airflyte doctor``: look at everything that could keep the stack from working."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from typing import TYPE_CHECKING

from airflyte.settings import Settings

if TYPE_CHECKING:
    from airflyte.checks.finding import Finding

HELP = "check Python, disk, memory, ports, strays, network and more"

_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--json`` for scripts, ``--airflow`` for one that the stack did not make."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--airflow", metavar="URL", help="look at an Airflow of yours instead")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print every finding.

    :return: 1 when one of them is a failure.
    """
    from airflyte import doctor

    if args.airflow:
        findings = doctor.examine_attached(settings, os.environ, args.airflow)
    else:
        findings = doctor.examine(settings, os.environ)
    if args.json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        _print(findings)
        sys.stdout.write(doctor.summary(findings) + "\n")
    return int(any(finding.level == "failure" for finding in findings))


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        head = Text.assemble((f"{finding.level:<8}", _STYLES[finding.level]), f" {finding.name:<14} ")
        console.print(Text.assemble(head, finding.text))
        if finding.advice:
            console.print(Text(f"{'':<24}{finding.advice}", style="dim"))
