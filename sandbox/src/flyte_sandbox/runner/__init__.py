"""Attempts of tasks as processes of this machine."""

from flyte_sandbox.runner.attempts import AttemptExit, AttemptSpec
from flyte_sandbox.runner.process_runner import ProcessRunner

__all__ = ["AttemptExit", "AttemptSpec", "ProcessRunner"]
