"""``airflyte config``: every setting, its value and where that comes from."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from urllib.parse import urlsplit

from airflyte.settings import Origin, Settings, unknown_variables

HELP = "show every setting, its value and where it comes from"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--json`` for scripts."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print the table; passwords in addresses are not shown."""
    origins = [
        dataclasses.replace(origin, value=_without_password(origin.value)) for origin in settings.origins()
    ]
    if args.json:
        rows = [dataclasses.asdict(origin) for origin in origins]
        sys.stdout.write(
            json.dumps({"settings": rows, "ports": dataclasses.asdict(settings.ports)}, indent=2) + "\n"
        )
    else:
        sys.stdout.write(_table(origins))
    for variable in unknown_variables(os.environ):
        sys.stderr.write(f"airflyte: {variable} is not a setting; is it misspelt?\n")
    return 0


def _table(origins: list[Origin]) -> str:
    rows = [(line.key, _written(line.value), line.origin, line.help) for line in origins]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]) + "\n"
        for row in rows
    )


def _written(value: object) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_password(value: object) -> object:
    if not isinstance(value, str) or "://" not in value:
        return value
    password = urlsplit(value).password
    return value.replace(f":{password}@", ":…@") if password else value
