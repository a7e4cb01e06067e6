"""Where the files of an execution lie. Clients see these addresses; nothing parses them.

Source: flytepropeller pkg/controller/nodes, flyteplugins pluginmachinery/ioutils.
"""

from __future__ import annotations

from flyte_sandbox import ids
from flyte_sandbox.admin.events.recording import DYNAMIC_CLOSURE
from flyte_sandbox.config import BUCKET
from flyte_sandbox.engine.model import ExecutionId, NodeRun


def base(node: NodeRun) -> str:
    id = node.scope.run.id
    return f"s3://{BUCKET}/metadata/propeller/{id.project}-{id.domain}-{id.name}"


def data_folder(node: NodeRun) -> str:
    """Where ``inputs.pb`` lies; the same for all attempts."""
    parent = node.scope.parent
    if parent is None:
        return f"{base(node)}/{node.id}/data"
    name = node.id if node.index is None else str(node.index)
    return f"{attempt_folder(parent)}/{name}"


def attempt_folder(node: NodeRun) -> str:
    """Where an attempt's outputs, error and deck lie."""
    return f"{data_folder(node)}/{node.attempt}"


def inputs(node: NodeRun) -> str:
    return f"{data_folder(node)}/inputs.pb"


def outputs(node: NodeRun) -> str:
    return f"{attempt_folder(node)}/outputs.pb"


def error(node: NodeRun) -> str:
    return f"{attempt_folder(node)}/error.pb"


def deck(node: NodeRun) -> str:
    return f"{attempt_folder(node)}/deck.html"


def futures(node: NodeRun) -> str:
    return f"{attempt_folder(node)}/futures.pb"


def dynamic_closure(node: NodeRun) -> str:
    """The compiled form of ``futures.pb``, beside it."""
    return f"{attempt_folder(node)}/{DYNAMIC_CLOSURE}"


def generated_name(node: NodeRun, attempt: int) -> str:
    return ids.generated_name(node.scope.run.id.name, node.uid, attempt)


def raw_output_prefix(node: NodeRun, attempt: int) -> str:
    """Unique per attempt, and kept when the attempt fails: checkpoints live below it."""
    name = generated_name(node, attempt)
    prefix = node.scope.run.spec.raw_output_data_config.output_location_prefix.rstrip("/")
    return f"{prefix}/{ids.shard(name)}/{name}"


def checkpoint(node: NodeRun, attempt: int) -> str:
    return f"{raw_output_prefix(node, attempt)}/_flytecheckpoints"


def attempt_key(id: ExecutionId, node_uid: str, attempt: int, launches: int = 0) -> str:
    """Names one run of one attempt to the runner, never twice. Safe as a file name.

    :param launches: how often a restart of the server has begun this attempt anew.
    """
    key = f"{id.project}.{id.domain}.{id.name}.{node_uid}.{attempt}"
    return f"{key}.{launches}" if launches else key
