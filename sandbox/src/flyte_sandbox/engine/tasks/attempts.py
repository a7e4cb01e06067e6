"""Turns an attempt into a process's command, variables and files.

A task process gets plain absolute paths where clients see ``s3://my-s3-bucket/…``; the way back is
``outcomes``'. Source: flyteplugins pluginmachinery/flytek8s/{k8s_resource_adds,container_helper}.go.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from flyteidl.core import literals_pb2

from flyte_sandbox.blobs.mapping import localise
from flyte_sandbox.blobs.offloading import lay_out
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.engine.messages import Attempt
from flyte_sandbox.engine.model import ExecutionId
from flyte_sandbox.engine.paths import attempt_key
from flyte_sandbox.engine.tasks.arguments import ArgumentError, fill_in
from flyte_sandbox.engine.tasks.parity import image_of, image_refusal, is_unknown, parity_notes
from flyte_sandbox.engine.tasks.secrets import SecretsError, SecretsFile
from flyte_sandbox.environments import DEFAULT, Environment, Environments
from flyte_sandbox.runner import AttemptSpec, Secrets, TaskUsers, secrets_folder
from flyte_sandbox.runner.template.records import read_exit

_INTERRUPTED = "interrupted"
_OFFLOADING = {"_F_L_MIN_SIZE_MB": "10", "_F_L_MAX_SIZE_MB": "1000"}
"""From which size on flytekit lays a literal into a file of its own: the values of Flyte's sandbox chart.

Here a task's own variables win over them.
"""


class AttemptPlanner:
    """:param folder: holds one folder per attempt.

    :param platform_env: variables that the platform gives to every task.
    :param environments: what stands for images.
    :param is_strict: refuse images that nobody knows.
    :param users: whom tasks run as; None: as the server.
    :param secrets: where those are that tasks ask for; None: nowhere.
    :param console_url: for tasks that link to their own node.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        platform_env: Mapping[str, str],
        environments: Environments,
        is_strict: bool = False,
        users: TaskUsers | None = None,
        secrets: SecretsFile | None = None,
        console_url: str = "",
    ) -> None:
        self._console_url = console_url
        self._secrets = secrets or SecretsFile(Path(os.devnull))
        self._users = users
        self._environments = environments
        self._is_strict = is_strict
        self._folder = folder
        self._store = store
        self._platform_env = platform_env

    def attempt_folder(self, key: str) -> Path:
        return self._folder / key

    def outputs_folder(self, key: str) -> Path:
        """What the task knows as its output prefix."""
        return self._folder / key / "outputs"

    def log_path(self, id: ExecutionId, node_uid: str, attempt: int) -> Path | None:
        """The log of the attempt's last launch; None when it never got one."""
        key = attempt_key(id, node_uid, attempt)
        logs = [
            path for path in (self._folder / key / "log", *self._folder.glob(f"{key}.*/log")) if path.exists()
        ]
        return max(logs, key=lambda path: path.stat().st_mtime) if logs else None

    def was_claimed(self, key: str) -> bool:
        """Whether a process was begun for it, by this server or an earlier one."""
        return (self._folder / key / "claim").exists()

    def mark_interrupted(self, key: str) -> None:
        (self._folder / key / _INTERRUPTED).touch()

    def was_interrupted(self, key: str) -> bool:
        """Whether an orderly stop of the server ended it before it was done.

        One that had ended by then, or still brought its outputs home, is as good as any other.
        """
        mark = self._folder / key / _INTERRUPTED
        if not mark.exists():
            return False
        record = read_exit(str(self._folder / key))
        if record is None:
            return True
        ended_before = record["ended_at"] <= mark.stat().st_mtime
        return not (ended_before or (record["code"] == 0 and self._has_results(key)))

    def _has_results(self, key: str) -> bool:
        outputs = self.outputs_folder(key)
        return any((outputs / name).exists() for name in ("outputs.pb", "futures.pb"))

    def plan(self, attempt: Attempt) -> AttemptSpec:
        """Write the inputs down and say what to run. Safe to repeat.

        :raises ArgumentError: when a placeholder cannot be filled in, or when nothing stands for the image
            and something has to, or secrets cannot be had.
        """
        folder = self.attempt_folder(attempt.key)
        inputs = lay_out(localise(attempt.inputs, self._store), folder / "offloaded", self._store)
        spec = self._spec(attempt, inputs)
        self._write_inputs(attempt, folder, inputs)
        return spec

    def plan_ahead(self, attempt: Attempt) -> AttemptSpec | None:
        """What will be run as soon as there are inputs; None when that depends on them."""
        try:
            return self._spec(attempt, literals_pb2.LiteralMap())
        except ArgumentError:
            return None

    def _spec(self, attempt: Attempt, inputs: literals_pb2.LiteralMap) -> AttemptSpec:
        environment = self._environment(attempt)
        container = attempt.task.container
        folder = self.attempt_folder(attempt.key)
        values = self._values(attempt, folder)
        command = fill_in([*container.command, *container.args], values, inputs)
        return AttemptSpec(
            key=attempt.key,
            folder=folder,
            argv=tuple(self._store.to_local(argument) for argument in command),
            env={**(environment.env if environment else {}), **self._env(attempt, container.env)},
            environment=environment.name if environment else DEFAULT,
            files=environment.files if environment else None,
            writable=(self._raw_folder(attempt),),
            secrets=self._secrets_of(attempt, folder),
        )

    def _secrets_of(self, attempt: Attempt, folder: Path) -> Secrets:
        try:
            return self._secrets.deliver(attempt.task.security_context.secrets, secrets_folder(folder))
        except SecretsError as exc:
            raise ArgumentError(str(exc)) from exc

    def _environment(self, attempt: Attempt) -> Environment | None:
        """What stands for the attempt's image; None for the default environment."""
        image = image_of(attempt.task, attempt.overrides)
        environment = self._environments.find(image)
        if self._is_strict and is_unknown(image, environment):
            raise ArgumentError(image_refusal(image))
        return environment

    def notes(self, attempt: Attempt) -> list[str]:
        """What a real cluster would have done with this attempt and this machine does not."""
        environment = self._environments.find(image_of(attempt.task, attempt.overrides))
        return parity_notes(attempt.task, attempt.overrides, environment, self._root_reason(environment))

    def _root_reason(self, environment: Environment | None) -> str:
        name = environment.name if environment else DEFAULT
        return self._users.of(name, self._environments[name].absolute()).reason if self._users else ""

    def _raw_folder(self, attempt: Attempt) -> Path:
        return Path(self._store.to_local(attempt.raw_output_prefix))

    def _values(self, attempt: Attempt, folder: Path) -> dict[str, str]:
        to_local = self._store.to_local
        return {
            "input": str(folder / "inputs.pb"),
            "inputprefix": str(folder),
            "outputprefix": str(folder / "outputs"),
            "rawoutputdataprefix": to_local(attempt.raw_output_prefix),
            "checkpointoutputprefix": to_local(attempt.checkpoint),
            "prevcheckpointprefix": to_local(self._previous_checkpoint(attempt)) or '""',
            "perretryuniquekey": _unique_key(attempt.generated_name),
            "tasktemplatepath": str(folder / "task.pb"),
            "namespace": f"{attempt.execution.project}-{attempt.execution.domain}",
        }

    def _previous_checkpoint(self, attempt: Attempt) -> str:
        """An attempt that an orderly stop of the server has ended goes on from its own."""
        own = Path(self._store.to_local(attempt.checkpoint))
        return attempt.checkpoint if own.is_dir() else attempt.prev_checkpoint

    def _write_inputs(self, attempt: Attempt, folder: Path, inputs: literals_pb2.LiteralMap) -> None:
        (folder / "outputs").mkdir(parents=True, exist_ok=True)
        (folder / "inputs.pb").write_bytes(inputs.SerializeToString())
        (folder / "task.pb").write_bytes(attempt.task.SerializeToString())
        self._raw_folder(attempt).mkdir(parents=True, exist_ok=True)

    def _env(self, attempt: Attempt, pairs: Iterable[literals_pb2.KeyValuePair]) -> dict[str, str]:
        """Later ones win, in Flyte's order: container, execution, task, launch, platform."""
        task, execution = attempt.task.id, attempt.execution
        return {
            **_OFFLOADING,
            **{pair.key: self._store.to_local(pair.value) for pair in pairs},
            "FLYTE_INTERNAL_EXECUTION_WORKFLOW": ":".join(
                (execution.project, execution.domain, attempt.workflow_name)
            ),
            "FLYTE_INTERNAL_EXECUTION_ID": execution.name,
            "FLYTE_INTERNAL_EXECUTION_PROJECT": execution.project,
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": execution.domain,
            "FLYTE_ATTEMPT_NUMBER": str(attempt.attempt),
            **self._link_env(attempt),
            "FLYTE_INTERNAL_TASK_PROJECT": task.project,
            "FLYTE_INTERNAL_TASK_DOMAIN": task.domain,
            "FLYTE_INTERNAL_TASK_NAME": task.name,
            "FLYTE_INTERNAL_TASK_VERSION": task.version,
            **_index_env(attempt.index),
            **attempt.envs,
            **self._platform_env,
        }

    def _link_env(self, attempt: Attempt) -> dict[str, str]:
        """For a task that shows elsewhere where it ran, as flytekit's plugins for experiments do."""
        if "link_type" not in attempt.task.config:
            return {}
        id = attempt.execution
        execution = f"projects/{id.project}/domains/{id.domain}/executions/{id.name}"
        return {"FLYTE_EXECUTION_URL": f"{self._console_url}/{execution}/nodeId/{attempt.node_uid}/nodes"}


def _index_env(index: int | None) -> dict[str, str]:
    """Which element of the lists this attempt is for."""
    if index is None:
        return {}
    return {"BATCH_JOB_ARRAY_INDEX_VAR_NAME": "FLYTE_K8S_ARRAY_INDEX", "FLYTE_K8S_ARRAY_INDEX": str(index)}


def _unique_key(name: str) -> str:
    """Usable as an identifier in other systems: no leading digit, only word characters."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", re.sub(r"^[^A-Za-z_]+", "a", name))
