"""``airflyte open``: show the stack's pages in a browser, or their addresses where there is none."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

HELP = "open Airflow's and Flyte's pages in a browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which page."""
    parser.add_argument("page", nargs="?", choices=("airflow", "flyte"), help="one of them; both without it")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Open the pages whose server listens.

    :raises AirflyteError: when none does.
    """
    from airflyte import ports

    found = {
        name: address
        for name, address in addresses(settings).items()
        if args.page in (None, name) and ports.is_busy(getattr(settings.ports, name))
    }
    if not found:
        raise AirflyteError("There is nothing to open because the stack is not running; type make up.")
    for address in found.values():
        sys.stdout.write(address + "\n")
        if has_browser():
            webbrowser.open(address)
    return 0


def addresses(settings: Settings) -> dict[str, str]:
    """The pages, by the name of the port they are on."""
    return {
        "airflow": f"http://localhost:{settings.ports.airflow}",
        "flyte": f"http://localhost:{settings.ports.flyte}/console",
    }


def has_browser() -> bool:
    """Whether a browser would appear: not in a terminal over ssh, where a text browser would take it over."""
    if os.environ.get("BROWSER") or sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
