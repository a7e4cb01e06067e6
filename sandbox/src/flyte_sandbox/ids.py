"""Names that Flyte derives: unique node ids, child execution names, pod names, shards, random names.

Pure. Source: flyteplugins pluginmachinery/encoding/encoder.go, flytepropeller
controller/nodes/common/utils.go, flyteadmin pkg/common/executions.go, scheduler/identifier.
"""

from __future__ import annotations

import base64
import secrets

_ALPHABET = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz123456")
_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SHARD_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"

MAX_NODE_ID = 20
MAX_EXECUTION_ID = 20
MAX_GENERATED_NAME = 50


def fnv1a(text: str, bits: int) -> int:
    """:param bits: 32 or 64."""
    prime, value = (0x01000193, 0x811C9DC5) if bits == 32 else (0x100000001B3, 0xCBF29CE484222325)
    for byte in text.encode():
        value = ((value ^ byte) * prime) % (1 << bits)
    return value


def fnv1(text: str) -> int:
    """64 bits; the older of the two, which multiplies first."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value * 0x100000001B3) % (1 << 64) ^ byte
    return value


def fixed_length(limit: int, *parts: str, bits: int = 32) -> str:
    """The parts joined by ``-``, or ``f`` and a base32 hash of that when it is longer than ``limit``."""
    joined = "-".join(part for part in parts if part)
    if len(joined) <= limit:
        return joined
    digest = fnv1a(joined, bits).to_bytes(bits // 8, "big")
    return "f" + base64.b32encode(digest).decode().rstrip("=").translate(_ALPHABET)


def unique_node_id(node_id: str, parent_id: str = "", parent_attempt: int = 0) -> str:
    """:param parent_id: the parent's unique id; empty at the top level."""
    if not parent_id:
        return fixed_length(MAX_NODE_ID, node_id)
    return fixed_length(MAX_NODE_ID, parent_id, str(parent_attempt), node_id)


def child_execution_name(parent_execution: str, node_id: str, attempt: int) -> str:
    """Name of the execution that a launch plan node starts."""
    return fixed_length(MAX_EXECUTION_ID, parent_execution, node_id, str(attempt), bits=64)


def scheduled_execution_name(project: str, domain: str, name: str, version: str, unix_seconds: int) -> str:
    """Name of the execution of a launch plan for one time of its schedule.

    Source: flyteadmin scheduler/identifier/identifier.go, scheduler/executor/executor_impl.go.
    """
    digest = fnv1(f"{project}:{domain}:{name}:{version}:{unix_seconds}")
    return "f" + (digest.to_bytes(8, "little") + bytes(8)).hex()[:19]


def generated_name(execution: str, node_id: str, attempt: int) -> str:
    """What the pod of a task's attempt would be called."""
    return fixed_length(MAX_GENERATED_NAME, execution, node_id, str(attempt))


def shard(name: str) -> str:
    """Two characters that spread raw data over prefixes."""
    index = fnv1a(name, 32) % len(_SHARD_ALPHABET) ** 2
    return _SHARD_ALPHABET[index // 36] + _SHARD_ALPHABET[index % 36]


def random_name(length: int) -> str:
    """Random characters of the Kubernetes-safe alphabet that Flyte uses (no vowels, no look-alikes)."""
    return "".join(secrets.choice(_NAME_ALPHABET) for _ in range(length))


def random_execution_name() -> str:
    return "a" + random_name(19)
