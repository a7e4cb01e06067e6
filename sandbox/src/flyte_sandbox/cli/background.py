"""A sandbox in the background, alone in anybody's repository: ``up``, ``down``, ``status``, ``logs``.

What runs is known by the pid files in the state folder, together with each process's start time, and by
the mark that every process of this sandbox carries, tasks included.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from flyte_sandbox.cli.serve import MARK, read_environments
from flyte_sandbox.errors import StartupError

_PARTS = ("serve", "s3")
_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.05


def up(parsed: argparse.Namespace) -> int:
    """Returns at once when both answer already; else starts what is missing and waits until it answers."""
    state = parsed.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    environments = read_environments(parsed)
    started = [part for part in _PARTS if _process(state, part) is None and _wants(parsed, part)]
    for part in started:
        _check_port(parsed, part)
    for part in started:
        _start(parsed, state, part, environments)
    _wait(parsed, state)
    _print_card(_describe(state))
    return 0


def _wants(parsed: argparse.Namespace, part: str) -> bool:
    return part == "serve" or bool(parsed.s3_port)


def _port(parsed: argparse.Namespace, part: str) -> int:
    return int(parsed.port if part == "serve" else parsed.s3_port)


def _check_port(parsed: argparse.Namespace, part: str) -> None:
    port = _port(parsed, part)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((parsed.listen, port))
        except OSError:
            option = "--port" if part == "serve" else "--s3-port"
            raise StartupError(
                f"Port {port} is taken{_holder(port)}. End that, or choose another with {option}."
            ) from None


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        is_listening = connection.status == psutil.CONN_LISTEN
        if is_listening and getattr(connection.laddr, "port", 0) == port and connection.pid:
            command = " ".join(psutil.Process(connection.pid).cmdline())
            return f" by pid {connection.pid} ({command[:80]})"
    return ""


def _start(parsed: argparse.Namespace, state: Path, part: str, environments: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "flyte_sandbox", part, "--state", str(state), "--listen", parsed.listen]
    command += ["--port", str(_port(parsed, part))]
    for host in parsed.allowed_host:
        command += ["--allowed-host", host]
    if parsed.allow_other_users:
        command.append("--allow-other-users")
    if parsed.task_uid is not None:
        command += ["--task-uid", str(parsed.task_uid)]
    if part == "serve":
        command += _serve_arguments(parsed, environments)
    with (state / f"{part}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, MARK: _mark(state)},
        )
    record = {
        "pid": process.pid,
        "created": psutil.Process(process.pid).create_time(),
        "port": _port(parsed, part),
    }
    (state / f"{part}.pid").write_text(json.dumps(record))


def _serve_arguments(parsed: argparse.Namespace, environments: dict[str, Path]) -> list[str]:
    arguments = ["--s3-port", str(parsed.s3_port), "--slots", str(parsed.slots)]
    for name, path in environments.items():
        arguments += ["--environment", f"{name}={path}"]
    if parsed.strict_images:
        arguments.append("--strict-images")
    if parsed.uv:
        arguments += ["--uv", str(parsed.uv.absolute())]
    if parsed.database_url:
        arguments += ["--database-url", parsed.database_url]
    if parsed.skippable_clock:
        arguments.append("--skippable-clock")
    return [*arguments, "--cold"] if parsed.cold else arguments


def _mark(state: Path) -> str:
    """An id of this sandbox, the same after every start."""
    path = state / "id"
    if not path.exists():
        path.write_text(f"flyte-sandbox-{secrets.token_hex(8)}")
    return path.read_text()


def _process(state: Path, part: str) -> psutil.Process | None:
    record = _record(state, part)
    if record is None:
        return None
    try:
        process = psutil.Process(record["pid"])
        is_same = abs(process.create_time() - record["created"]) < 1
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _record(state: Path, part: str) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((state / f"{part}.pid").read_text())
        if not record["port"]:
            # Any free port was asked for; the server has told which one it took.
            record["port"] = json.loads((state / "server.json").read_text())["port"]
    except (FileNotFoundError, ValueError):
        return None
    return record


def _wait(parsed: argparse.Namespace, state: Path) -> None:
    deadline = time.monotonic() + parsed.timeout
    for part in _PARTS:
        while _wants(parsed, part) and not _answers(state, part):
            if _process(state, part) is None or time.monotonic() > deadline:
                tail = "\n".join((state / f"{part}.log").read_text(errors="replace").splitlines()[-20:])
                raise StartupError(f"{part} did not come up. The end of {state / part}.log:\n{tail}")
            time.sleep(_LOOK_SECONDS)


def _answers(state: Path, part: str) -> bool:
    record = _record(state, part)
    if record is None:
        return False
    try:
        with socket.create_connection(("127.0.0.1", record["port"]), timeout=1) as connection:
            connection.sendall(b"GET /healthcheck HTTP/1.0\r\nHost: localhost:%d\r\n\r\n" % record["port"])
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def down(parsed: argparse.Namespace) -> int:
    """In order: the server, which ends its tasks; the S3 endpoint; then whatever else carries the mark."""
    state = parsed.state.resolve()
    for part in _PARTS:
        process = _process(state, part)
        if process is not None:
            process.terminate()
    ending = [process for part in _PARTS if (process := _process(state, part))]
    _, alive = psutil.wait_procs(ending, timeout=_GRACE_SECONDS * 4)
    _end_marked(state)
    for process in alive:
        process.kill()
    for part in _PARTS:
        (state / f"{part}.pid").unlink(missing_ok=True)
    print("flyte-sandbox is down")
    return 0


def _end_marked(state: Path) -> None:
    """Until none is left: a process may have started another one between our looks."""
    if not (state / "id").exists():
        return
    mark = _mark(state)
    while marked := [process for process in psutil.process_iter() if _carries(process, mark)]:
        for process in marked:
            _signal(process, kill=False)
        _, alive = psutil.wait_procs(marked, timeout=_GRACE_SECONDS)
        for process in alive:
            _signal(process, kill=True)


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False


def _signal(process: psutil.Process, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def _describe(state: Path) -> dict[str, Any]:
    parts = {}
    for part in _PARTS:
        process, record = _process(state, part), _record(state, part)
        if process and record:
            parts[part] = {"pid": process.pid, "port": record["port"], "answers": _answers(state, part)}
    return {"state": str(state), "parts": parts}


def status(parsed: argparse.Namespace) -> int:
    """:return: 0 when the server answers, else 3, as init scripts have it."""
    found = _describe(parsed.state.resolve())
    if parsed.json:
        print(json.dumps(found))
    elif found["parts"]:
        _print_card(found)
    else:
        print("flyte-sandbox is not running; start it with: flyte-sandbox up")
    return 0 if found["parts"].get("serve", {}).get("answers") else 3


def _print_card(found: dict[str, Any]) -> None:
    serve, s3 = found["parts"].get("serve"), found["parts"].get("s3")
    if serve:
        print(f"Flyte      localhost:{serve['port']} (insecure), project flytesnacks")
        print(f"Console    http://localhost:{serve['port']}/console/")
    if s3:
        print(f"S3         http://localhost:{s3['port']} (minio / miniostorage)")
    print(f"State      {found['state']}")


def logs(parsed: argparse.Namespace) -> int:
    path = parsed.state.resolve() / "serve.log"
    if not path.exists():
        raise StartupError(f"There is no log in {path.parent}; has it been started with: flyte-sandbox up?")
    command = ["tail", "-n", str(parsed.lines), *(["-F"] if parsed.follow else []), str(path)]
    return subprocess.run(command, check=False).returncode
