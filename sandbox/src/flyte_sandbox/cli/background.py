"""A sandbox in the background, alone in anybody's repository: ``up``, ``down``, ``logs``."""

from __future__ import annotations

import argparse
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flyte_sandbox.cli.card import describe, print_card
from flyte_sandbox.cli.interpreters import has_flytekit
from flyte_sandbox.cli.listening import meaning
from flyte_sandbox.cli.parts import PARTS, answers, end, end_marked, process_of, read_record, start
from flyte_sandbox.cli.ports import check_free
from flyte_sandbox.cli.serve import read_environments
from flyte_sandbox.cli.unfinished import count_unfinished
from flyte_sandbox.errors import StartupError

_LOOK_SECONDS = 0.05
_TAIL_LINES = 20
_OPTIONS = {"serve": "--port", "s3": "--s3-port"}


def up(parsed: argparse.Namespace) -> int:
    """Returns at once when both answer already; else starts what is missing and waits until it answers.

    What it started it ends again when something does not come up, and at Ctrl-C.
    """
    state = _make_folder(parsed.state.resolve())
    with _alone(state):
        missing = [part for part in PARTS if process_of(state, part) is None and _wants(parsed, part)]
        for part in PARTS:
            _check_port(parsed, state, part, is_missing=part in missing)
        environments = read_environments(parsed) if "serve" in missing else {}
        try:
            for part in missing:
                _start(parsed, state, part, environments)
            _wait(parsed, state)
        except BaseException:
            end(state, missing)
            raise
    if not missing:
        print("flyte-sandbox was up already")
    print_card(describe(state))
    if text := meaning(parsed.listen):
        print(f"flyte-sandbox: {text}", file=sys.stderr)
    if environments and not has_flytekit(environments["default"]):
        python = environments["default"]
        print(
            f"flyte-sandbox: {python} has no flytekit, so tasks will fail; install it there, or name another "
            "interpreter with --python",
            file=sys.stderr,
        )
    return 0


def _make_folder(state: Path) -> Path:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StartupError(
            f"The state folder {state} cannot be made ({exc.strerror}); name another with --state."
        ) from None
    return state


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Two at once would both start what is missing; the second waits, and finds nothing missing."""
    with (state / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wants(parsed: argparse.Namespace, part: str) -> bool:
    return part == "serve" or bool(parsed.s3_port)


def _port(parsed: argparse.Namespace, part: str) -> int:
    return int(parsed.port if part == "serve" else parsed.s3_port)


def _check_port(parsed: argparse.Namespace, state: Path, part: str, is_missing: bool) -> None:
    """:raises StartupError: it is taken; or the part runs already, on another one."""
    port, option = _port(parsed, part), _OPTIONS[part]
    if is_missing:
        check_free(parsed.listen, port, option)
        return
    record = read_record(state, part)
    if record is not None and port and port != record["port"] and option in parsed.given:
        raise StartupError(
            f"This sandbox runs already, and its {option} is {record['port']}, not {port}. "
            "End it first with: flyte-sandbox down; or name another folder with --state."
        )


def _start(parsed: argparse.Namespace, state: Path, part: str, environments: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "flyte_sandbox", part, "--state", str(state), "--listen", parsed.listen]
    command += ["--port", str(_port(parsed, part))]
    for host in parsed.allowed_host:
        command += ["--allowed-host", host]
    if parsed.allow_other_users:
        command.append("--allow-other-users")
    if parsed.task_uid is not None:
        command += ["--task-uid", str(parsed.task_uid)]
    facts = {}
    if part == "serve":
        command += _serve_arguments(parsed, environments)
        facts["python"] = str(environments["default"])
        facts["database"] = "other" if parsed.database_url else "sqlite"
    start(state, part, command, port=_port(parsed, part), **facts)


def _serve_arguments(parsed: argparse.Namespace, environments: dict[str, Path]) -> list[str]:
    arguments = ["--s3-port", str(parsed.s3_port), "--slots", str(parsed.slots)]
    arguments += ["--secrets", str(parsed.secrets.resolve())] if parsed.secrets else []
    arguments += ["--resources", parsed.resources, "--preload-after", str(parsed.preload_after)]
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


def _wait(parsed: argparse.Namespace, state: Path) -> None:
    """:raises StartupError: with the end of the log of what does not answer in time."""
    deadline = time.monotonic() + parsed.timeout
    for part in PARTS:
        while _wants(parsed, part) and not answers(state, part):
            if process_of(state, part) is None or time.monotonic() > deadline:
                tail = (state / f"{part}.log").read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                raise StartupError(
                    f"{part} did not come up. The end of {state / part}.log:\n" + "\n".join(tail)
                )
            time.sleep(_LOOK_SECONDS)


def down(parsed: argparse.Namespace) -> int:
    """In order: the server, which ends its tasks; the S3 endpoint; then whatever else carries the mark."""
    state = parsed.state.resolve()
    is_up = any(process_of(state, part) for part in PARTS)
    if parsed.wait and is_up:
        _check_countable(state)
        _wait_for_executions(state)
    end(state, PARTS)
    end_marked(state)
    left = count_unfinished(state)
    print("flyte-sandbox is down" if is_up else "flyte-sandbox was not running")
    if left:
        noun = "execution goes" if left == 1 else "executions go"
        print(f"{left} {noun} on with the next: flyte-sandbox up")
    return 0


def _check_countable(state: Path) -> None:
    record = read_record(state, "serve")
    if record is not None and record["database"] != "sqlite":
        raise StartupError(
            "--wait can look only into the sandbox's own SQLite database, not into --database-url."
        )


def _wait_for_executions(state: Path) -> None:
    """Until none is left, saying how many there are whenever that changes. Ctrl-C leaves all as it is."""
    told = 0
    while (left := count_unfinished(state)) and process_of(state, "serve"):
        if left != told:
            print(f"waiting for {left} {'execution' if left == 1 else 'executions'} to end", flush=True)
            told = left
        time.sleep(_LOOK_SECONDS)


def logs(parsed: argparse.Namespace) -> int:
    path = parsed.state.resolve() / f"{parsed.part}.log"
    if not path.exists():
        raise StartupError(f"There is no log in {path.parent}; has it been started with: flyte-sandbox up?")
    command = ["tail", "-n", str(parsed.lines), *(["-F"] if parsed.follow else []), str(path)]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0
