"""What runs, and where it answers: for people and for scripts."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from flyte_sandbox.cli.parts import PARTS, answers, process_of, read_record

DEFAULT_PORT = 30080


def status(parsed: argparse.Namespace) -> int:
    """:return: 0 when the server answers, else 3, as init scripts have it."""
    found = describe(parsed.state.resolve())
    if parsed.json:
        print(json.dumps(found))
    elif found["parts"]:
        print_card(found)
    else:
        print("flyte-sandbox is not running; start it with: flyte-sandbox up")
    return 0 if found["parts"].get("serve", {}).get("answers") else 3


def describe(state: Path) -> dict[str, Any]:
    """:return: the state folder, and of each part that runs its pid, its port and whether it answers; of the
    server also the interpreter of its tasks.
    """
    parts = {}
    for part in PARTS:
        process, record = process_of(state, part), read_record(state, part)
        if process and record:
            parts[part] = {"pid": process.pid, "port": record["port"], "answers": answers(state, part)}
            if "python" in record:
                parts[part]["python"] = record["python"]
    return {"state": str(state), "parts": parts}


def print_card(found: dict[str, Any]) -> None:
    serve, s3 = found["parts"].get("serve"), found["parts"].get("s3")
    if serve:
        _print_server(serve)
    else:
        print("Flyte      not running; see: flyte-sandbox logs")
    if s3:
        print(f"S3         http://localhost:{s3['port']} (minio / miniostorage){_silence(s3)}")
    print(f"State      {found['state']}")
    if serve and serve["port"] != DEFAULT_PORT:
        address = f"FLYTE_PLATFORM_URL=localhost:{serve['port']}"
        print(f"Clients    export {address} FLYTE_PLATFORM_INSECURE=true FLYTECTL_CONFIG=")


def _print_server(serve: dict[str, Any]) -> None:
    print(f"Flyte      localhost:{serve['port']} (insecure), project flytesnacks{_silence(serve)}")
    print(f"Console    http://localhost:{serve['port']}/console/")
    if "python" in serve:
        print(f"Tasks      run with {shlex.quote(serve['python'])}")


def _silence(part: dict[str, Any]) -> str:
    return "" if part["answers"] else ", but it does not answer (yet)"
