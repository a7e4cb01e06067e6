"""Attempts of tasks as processes of this machine."""

from flyte_sandbox.runner.attempts import AttemptExit, AttemptSpec, Secrets, secrets_folder
from flyte_sandbox.runner.process_runner import ProcessRunner
from flyte_sandbox.runner.task_users import TaskUsers

__all__ = ["AttemptExit", "AttemptSpec", "ProcessRunner", "Secrets", "TaskUsers", "secrets_folder"]
