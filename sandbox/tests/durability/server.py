"""A server in a process of its own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flytekit.configuration import Config, PlatformConfig
from flytekit.remote import FlyteRemote

from ..waiting import eventually

WORKFLOWS = Path(__file__).parents[1] / "workflows"


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

    def launch(self, workflow: str, **inputs: Any) -> Any:
        """:param workflow: module and function of ``workflows/examples``, registered when need be."""
        self.register(workflow.partition(".")[0])
        remote = self.remote()
        plan = remote.fetch_launch_plan(name=f"examples.{workflow}", version="v1")
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in inputs.items()}
        return remote.execute(plan, inputs=plain)

    def finish(self, execution: Any) -> Any:
        """The execution at its end, with all its nodes."""
        remote = self.remote()
        return remote.sync(remote.wait(execution, poll_interval=0.1), sync_nodes=True)

    def launch_gated(self, workflow: str, folder: Path, until: str = "\n") -> tuple[Any, Path, Path]:
        """
        :param workflow: one whose task goes on until the file ``gate`` is there.
        :param until: what stands in its log when the task runs.
        :return: the execution, its gate and its log.
        """
        gate, log = folder / "gate", folder / "log"
        execution = self.launch(workflow, gate=gate, log=log)
        eventually(lambda: log.exists() and until in log.read_text())
        return execution, gate, log
