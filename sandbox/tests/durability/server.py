"""A server in a process of its own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from flytekit.configuration import Config, PlatformConfig
from flytekit.remote import FlyteRemote

T = TypeVar("T")
WORKFLOWS = Path(__file__).parents[1] / "workflows"


def eventually(look: Callable[[], T], seconds: float = 30) -> T:
    """:return: what ``look`` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)
    return found


class Server:
    """:param state: the folder that outlives the process.

    :param options: more of the command line.
    """

    def __init__(self, state: Path, mark: str, options: Sequence[str] = ()) -> None:
        self.state = state
        self.mark = mark
        self._options = options
        self.program: Sequence[str] = ("-m", "flyte_sandbox")
        self.environment: Mapping[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._registered: set[str] = set()

    def start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        # Clients know the port, so a restarted server takes the one it had.
        command = [sys.executable, *self.program, "serve", "--state", str(self.state)]
        command += ["--port", str(self.port), "--s3-port", "0", "--python", sys.executable]
        command += self._options
        address = self.state / "server.json"
        address.unlink(missing_ok=True)
        with (self.state / "server.log").open("ab") as log:
            environment = {**os.environ, **self.environment, "AIRFLYTE_STACK": self.mark}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        eventually(lambda: address.exists() or self._has_died())
        self.port = json.loads(address.read_text())["port"]

    def _has_died(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.state / "server.log").read_text()
        return False

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def remote(self) -> FlyteRemote:
        platform = PlatformConfig(endpoint=f"localhost:{self.port}", insecure=True)
        return FlyteRemote(Config(platform), "flytesnacks", "development")

    def register(self, module: str) -> None:
        """Registers one module of ``workflows/examples`` once, with the stock ``pyflyte`` as version v1."""
        if module in self._registered:
            return
        config = self.state / "client.yaml"
        config.write_text(f"admin:\n  endpoint: localhost:{self.port}\n  insecure: true\n")
        pyflyte = Path(sys.executable).parent / "pyflyte"
        command = [pyflyte, "-c", config, "register", "--version", "v1", "-p", "flytesnacks"]
        done = subprocess.run(
            [*command, "-d", "development", f"examples/{module}.py"],
            cwd=WORKFLOWS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self._registered.add(module)
