"""Launches and waits with flytekit's own client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flytekit.remote import FlyteRemote, FlyteWorkflowExecution


def run(remote: FlyteRemote, plan: str, version: str, /, **inputs: Any) -> FlyteWorkflowExecution:
    """:param plan: the launch plan's name below ``examples``.

    :return: the ended execution with its nodes.
    """
    execution = launch(remote, plan, version, **inputs)
    ended = remote.wait(execution, timeout=timedelta(seconds=60), poll_interval=timedelta(seconds=0.1))
    return remote.sync(ended, sync_nodes=True)


def launch(
    remote: FlyteRemote, plan: str, version: str, /, overwrite_cache: bool = False, **inputs: Any
) -> FlyteWorkflowExecution:
    launch_plan = remote.fetch_launch_plan(name=f"examples.{plan}", version=version)
    return remote.execute(launch_plan, inputs=inputs, overwrite_cache=overwrite_cache)


def phases(execution: FlyteWorkflowExecution) -> dict[str, int]:
    return {name: node.closure.phase for name, node in execution.node_executions.items()}
